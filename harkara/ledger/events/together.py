"""Together: webhooks that come while a transaction is under way share the next one."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Lock

from harkara.inbound.events import Event
from harkara.ledger.database import Database
from harkara.ledger.events.store import store

Job = tuple[str, bytes, "Future[list[Event]]"]


class Together:
    """Stores webhooks for all threads of a process.

    SQLite has one writer, and its queue knows no order: threads that stood in it by themselves waited for a second
    each, where this one waits for them all.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[Job] = []
        self._guard = Lock()
        self._turn = Lock()

    def store(self, lane: str, raw: bytes) -> list[Event]:
        """Returns the events that were new when they are durable. Raises Unavailable: then nothing was kept."""
        mine: Future[list[Event]] = Future()
        with self._guard:
            self._waiting.append((lane, raw, mine))
        with self._turn:
            if not mine.done():  # else somebody took it along
                self._write()
        return mine.result()

    def _write(self) -> None:
        with self._guard:
            jobs, self._waiting = self._waiting, []
        try:
            with self._db.write() as tx:
                fresh = [store(tx, lane, raw) for lane, raw, _ in jobs]
        except Exception as error:
            for _, _, future in jobs:
                future.set_exception(error)
            return
        for (_, _, future), events in zip(jobs, fresh, strict=True):
            future.set_result(events)
