"""Stops claims and POSTs after a failover or a restore of PostgreSQL, until the ledger is known to have all POSTs."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from threading import Lock
from typing import Final

import structlog

from harkara.delivery.begun_posts import BegunPosts
from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.lost_posts import BegunPost, settle_timeline
from harkara.ledger.messages.begin import Begun
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.timeline import read_timelines

log = structlog.get_logger(__name__)

_TRIES: Final = 2

_REPLACED: Final = (
    "another process has found a later timeline of PostgreSQL, so this server was replaced by a promoted standby: let "
    "HARKARA_DATABASE_URL lead to that one, and after a restore run `harkara recover`"
)
_WAITING: Final = "PostgreSQL may have lost POSTs that were made: run `harkara recover`"


class TimelineFence:
    """Compares the timeline of PostgreSQL with the one on which the ledger was last known to have every POST.

    A new timeline shows that a standby was promoted or a backup restored. Each process notes its last begun POST in
    Redis, after the commit and before the first byte. Commits of one process follow each other, so a ledger with the
    last POST of each process has all. Otherwise all `lanes` are parked.

    A process claims nothing on a timeline that it has not compared: a message that seems unsent must not move, neither
    by a gate nor by a limit, before it is doubted.

    Redis decides which timeline counts: a process that is still connected to a former primary makes no further POST.
    After lanes were parked, nothing begins for `hold_seconds`, the longest time for which a claim holds: a claim may be
    older than the parked lane, and its gates then saw it open.

    Messages that are older than `history_seconds` may be deleted with their POSTs; None deletes none.
    """

    def __init__(
        self,
        db: Database,
        begun: BegunPosts,
        process: str,
        lanes: Collection[str],
        hold_seconds: float,
        history_seconds: float | None = None,
    ) -> None:
        self._db = db
        self._begun = begun
        self._process = process
        self._lanes = frozenset(lanes)
        self._hold_seconds = hold_seconds
        self._history_seconds = history_seconds
        self._held_until = 0.0
        self._settled: str | None = None
        self._lock = Lock()

    def check(self) -> None:
        """Compare the timelines now, as a process does at its start and again and again. Raises Unavailable."""
        found = read_timelines(self._db)
        if found and (found.current, found.stored) != (self._settled, self._settled):
            self._settle(found.current)

    def claim(self, ids: Sequence[str], lease_seconds: float) -> list[Claimed]:
        """Claim messages on the timeline that was compared. Raises Unavailable, also while nothing may be POSTed."""
        timeline = self._claimable_timeline()
        claimed = claim(self._db, ids, lease_seconds, timeline)
        if claimed or timeline is None:
            return claimed
        self.check()  # the server may be another one since then
        settled = self._claimable_timeline()
        return claim(self._db, ids, lease_seconds, settled) if settled != timeline else []

    def prepare(self) -> bool:
        """Return whether `confirm` needs the timeline of the server. Raises Unavailable while nothing may be POSTed."""
        if self._db.has_timeline is None:
            read_timelines(self._db)
        self._refuse_held()
        return bool(self._db.has_timeline)

    def confirm(self, begun: Begun) -> None:
        """Note one of the begun POSTs, which were committed together. Raises Unavailable unless they may be made."""
        timeline = begun.timeline
        if timeline is None:
            return
        post = BegunPost(next(iter(begun.held))[0], begun.at)
        for _ in range(_TRIES):
            if timeline != self._settled:
                self._settle(timeline)
            self._refuse_held()  # another thread may have parked the lanes meanwhile
            if self._begun.note(self._process, post, timeline):
                return
            self._settled = None  # Redis was emptied, or another process has found another timeline
        raise Unavailable(_REPLACED)

    def _claimable_timeline(self) -> str | None:
        """Return None where the server does not say its timeline."""
        if not self.prepare():
            return None
        if self._settled is None:
            self.check()
            self._refuse_held()
        settled = self._settled
        if settled is None:
            raise Unavailable(_REPLACED)  # another thread has just found that
        return settled

    def _settle(self, timeline: str) -> None:
        """Raises Unavailable, also for a server that was replaced."""
        with self._lock:
            found = read_timelines(self._db)
            if found is None or found.current != timeline:
                raise Unavailable(_REPLACED)
            same = found.stored in (None, timeline)
            known = self._begun.announce(timeline, same=same)
            if same and known.timeline is not None and known.timeline > timeline:
                raise Unavailable(_REPLACED)
            settled = settle_timeline(
                self._db,
                timeline,
                known.posts,
                self._lanes,
                known=known.timeline is not None,
                history_seconds=self._history_seconds,
            )
            for lane in settled.parked:
                log.error(
                    "lane parked, since PostgreSQL may have lost POSTs",
                    action="posts_lost",
                    lane=lane,
                    timeline=timeline,
                    next_step="stop the workers and run `harkara recover`",
                )
            if settled.waiting:
                self._held_until = time.monotonic() + self._hold_seconds
            self._settled = timeline

    def _refuse_held(self) -> None:
        if time.monotonic() < self._held_until:
            raise Unavailable(_WAITING)
