"""History: delete what is older than it, a little in each round."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from harkara.ledger.database import Database
from harkara.ledger.history import delete_history

log = structlog.get_logger(__name__)

PAUSE_SECONDS: Final = 3600.0
"""Time between the end of a pass and the next one: a history is counted in days."""


def paced(batches: Iterator[Counter[str]], pause: Callable[[float], None] = time.sleep) -> Iterator[Counter[str]]:
    """Yield the batches, and after each that deletes something pause for as long as it took: others write meanwhile."""
    while True:
        began = time.monotonic()
        batch = next(batches, None)
        if batch is None:
            return
        took = time.monotonic() - began
        yield batch
        if batch:
            pause(took)


class HistoryDeletion:
    """Deletes what is older than `history_seconds`; None deletes nothing.

    A round goes on where the last one of this process ended.
    """

    def __init__(self, db: Database, history_seconds: float | None) -> None:
        self._db = db
        self._seconds = history_seconds
        self._batches: Iterator[Counter[str]] | None = None
        self._next_pass = 0.0

    def round(self, end: float) -> Counter[str]:
        """Delete until `end` of `time.monotonic()`, or to the end of the pass; return the rows by table.

        Raises Unavailable.
        """
        deleted: Counter[str] = Counter()
        if self._seconds is None or time.monotonic() < self._next_pass:
            return deleted
        batches, self._batches = self._batches or paced(delete_history(self._db, self._seconds)), None
        for batch in batches:
            deleted += batch
            if time.monotonic() > end:
                self._batches = batches
                break
        else:
            self._next_pass = time.monotonic() + PAUSE_SECONDS
        return Counter({f"deleted-{name}": number for name, number in deleted.items()})
