"""The round that adds what customers wrote to its conversations, after an upgrade."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic

import structlog

from harkara.delivery.leased_rounds import Rounds
from harkara.inbound.events import Event
from harkara.ledger.conversations.unlisted import list_unlisted
from harkara.ledger.database import Database

log = structlog.get_logger(__name__)

LIMIT_SECONDS = 10.0
"""The most that one round takes; the next one continues."""


class Conversations:
    """Adds the messages that a release without conversations has applied, in one worker at a time."""

    def __init__(self, db: Database, rounds: Rounds, parse: Callable[[bytes, datetime], Sequence[Event]]) -> None:
        self._db = db
        self._rounds = rounds
        self._parse = parse

    def complete(self) -> int:
        """Return how many events were read. Raises Unavailable."""
        read = self._rounds.run("conversations", self._complete, lease_seconds=2 * LIMIT_SECONDS) or 0
        if read:
            log.info("conversations completed", action="conversations", events=read)
        return read

    def _complete(self) -> int:
        end, read = monotonic() + LIMIT_SECONDS, 0
        while monotonic() < end and (batch := list_unlisted(self._db, self._parse)):
            read += batch
        return read
