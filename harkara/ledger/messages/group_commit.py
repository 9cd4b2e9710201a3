"""Group commit: what many threads want written goes into one transaction, and each goes on when it is durable."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread

import structlog

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.messages.record import Begin, Finish, begin, finish

log = structlog.get_logger(__name__)

MOST = 256
"""Changes in one transaction."""

LOOK_SECONDS = 0.5
"""So long after an answer another one of its lane cannot be that of a probe, which ends a halt."""

LINGER_SECONDS = 0.03
"""How long outcomes wait for a message that begins, in whose transaction they cost next to nothing."""

Job = tuple[Begin | Finish, "Future[bool]"]


class GroupCommit:
    """Writes for all sender threads of a process.

    `gather_seconds` is how long a busy writer waits for company before it commits; an idle one commits at once.
    An outcome that the database will not take for `retry_seconds` goes to `spill`, which puts it where another
    process can record it later; while that is unavailable too, it is kept here and tried again.
    """

    def __init__(
        self,
        db: Database,
        spill: Callable[[Finish], None],
        *,
        gather_seconds: float = 0.005,
        retry_seconds: float = 20.0,
        checkpoint: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._db = db
        self._checkpoint = checkpoint
        self._spill = spill
        self._gather = gather_seconds
        self._patience = retry_seconds
        self._took = 0.005
        self._works: dict[str, float] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def begin(self, wish: Begin) -> bool:
        """Returns True when the message is durably `sending`, and False when the claim no longer holds.

        Raises Unavailable when the database did not say so: then there must be no POST.
        """
        asked = time.monotonic()
        held = self._submit(wish).result()
        took = time.monotonic() - asked
        # Up at once, down by and by: a slot that is missed costs more than one that was awaited for too long.
        self._took = max(took, self._took + (took - self._took) / 16)
        return held

    def finish(self, result: Finish) -> None:
        """Returns when the outcome is durable, in the ledger or with `spill`."""
        self._submit(result).result()

    def finish_later(self, result: Finish) -> None:
        """The same without waiting: for what was stopped before its POST, and would only be claimed once more."""
        self._submit(result)

    @property
    def lead_seconds(self) -> float:
        """Seconds that it takes at most, as a rule, to become `sending`: who has a slot begins so much before it."""
        return min(max(2 * self._took, 0.05), 0.25)

    def close(self) -> None:
        """Writes what is waiting, then ends."""
        self._jobs.put(None)
        self._thread.join()

    def _submit(self, change: Begin | Finish) -> Future[bool]:
        future: Future[bool] = Future()
        self._jobs.put((change, future))
        return future

    def _run(self) -> None:
        busy = False
        while (first := self._jobs.get()) is not None:
            if busy:
                time.sleep(self._gather)
            batch = self._company(first)
            busy = len(batch) > 1
            self._write(batch)

    def _company(self, first: Job) -> list[Job]:
        """All that wait; and as long as nobody begins, those that come within the next moments."""
        batch = [first]
        until = time.monotonic() + LINGER_SECONDS
        begins = isinstance(first[0], Begin)
        while len(batch) < MOST:
            try:
                job = self._jobs.get(timeout=0.0 if begins else max(0.0, until - time.monotonic()))
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
            begins = begins or isinstance(job[0], Begin)
        return batch

    def _write(self, batch: Sequence[Job]) -> None:
        begins = [(change, future) for change, future in batch if isinstance(change, Begin)]
        finishes = [(change, future) for change, future in batch if isinstance(change, Finish)]
        try:
            held = self._commit([change for change, _ in begins], [change for change, _ in finishes])
        except Exception as error:
            self._without_commit(begins, finishes, error)
            return
        for change, future in begins:
            future.set_result((change.claimed.id, change.claimed.epoch) in held)
        for _, future in finishes:
            future.set_result(True)

    def _commit(self, begins: Sequence[Begin], finishes: Sequence[Finish]) -> set[tuple[str, int]]:
        now = time.monotonic()
        works = [lane for lane, at in self._works.items() if now - at < LOOK_SECONDS]
        with self._db.write() as tx:
            if finishes:
                # A new one, since the threads that insist on an outcome look at it, too.
                self._works = self._works | dict.fromkeys(finish(tx, finishes, works), now)
                self._checkpoint("K4b")
            return begin(tx, begins) if begins else set()

    def _without_commit(
        self,
        begins: Sequence[tuple[Begin, Future[bool]]],
        finishes: Sequence[tuple[Finish, Future[bool]]],
        error: Exception,
    ) -> None:
        """Whether the commit happened is unknown: no POST for those who begin, a second try for the outcomes."""
        log.warning(
            "commit failed", action="commit_failed", error=type(error).__name__, changes=len(begins) + len(finishes)
        )
        for _, begun in begins:
            begun.set_exception(
                error if isinstance(error, Unavailable) else Unavailable("the ledger refused the write")
            )
        if finishes:
            Thread(target=self._insist, args=(finishes,), name="record-again", daemon=True).start()

    def _insist(self, finishes: Sequence[tuple[Finish, Future[bool]]]) -> None:
        """Outcomes are known and must not be forgotten. One by one, so that a bad one stops no other."""
        until = time.monotonic() + self._patience
        for result, future in finishes:
            while not self._recorded(result):
                if time.monotonic() > until and self._spilled(result):
                    break
                time.sleep(0.25)
            future.set_result(True)

    def _spilled(self, result: Finish) -> bool:
        try:
            self._spill(result)
        except Unavailable:
            return False
        except Exception as error:
            log.error("an outcome cannot be kept", action="spill_failed", id=result.id, error=type(error).__name__)
            return False
        return True

    def _recorded(self, result: Finish) -> bool:
        try:
            self._commit([], [result])
        except Unavailable:
            return False
        except Exception as error:
            log.error("an outcome cannot be written", action="record_failed", id=result.id, error=type(error).__name__)
            return False
        return True
