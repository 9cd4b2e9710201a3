"""Last posts: when each lane made its last POST, kept in Redis, which shows that a ledger is older than its lanes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, cast

import redis
import structlog

from harkara.ledger.database import Database
from harkara.ledger.restore import latest_posts, park_restored
from harkara.redis_client import redis_errors

log = structlog.get_logger(__name__)

KEY: Final = "harkara:last-posts"


class LastPosts:
    """Compares the ledger with the times in Redis.

    A POST is in the ledger before its time is in Redis. A ledger without it was restored from a backup, or its
    database has lost commits, so messages that it shows as unsent may have been sent.
    """

    def __init__(self, db: Database, connection: redis.Redis, lanes: Collection[str]) -> None:
        self._db = db
        self._redis = connection
        self._lanes = frozenset(lanes)

    def compare(self) -> list[str]:
        """Park the lanes whose last POST the ledger lacks, and return them; publish the last POSTs of the others.

        Raises Unavailable when Redis or the database does not answer.
        """
        published = self.published()  # before the ledger: a POST in between is not missing
        found = latest_posts(self._db, self._lanes)
        missing = sorted(
            lane for lane, at in published.items() if lane in self._lanes and (lane not in found or found[lane] < at)
        )
        if missing:
            for lane in park_restored(self._db, missing):
                log.error("lane parked, since the ledger was restored", action="ledger_restored", lane=lane)
        self._write({lane: at for lane, at in found.items() if lane not in missing and at != published.get(lane)})
        return missing

    def published(self) -> dict[str, datetime]:
        """Return when the last POST of each lane began, as Redis knows it. Raises Unavailable."""
        with redis_errors():
            stored = cast("dict[str, Any]", self._redis.hgetall(KEY))
        return {lane: datetime.fromisoformat(at) for lane, at in stored.items()}

    def forget(self) -> None:
        """Delete the times, so that the ledger counts as complete. Raises Unavailable."""
        with redis_errors(advice="run the command again when it does"):
            self._redis.delete(KEY)

    def _write(self, posts: dict[str, datetime]) -> None:
        if posts:
            with redis_errors():
                self._redis.hset(KEY, mapping={lane: at.isoformat() for lane, at in posts.items()})
