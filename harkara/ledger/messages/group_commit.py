"""Group commit: the writes of many sender threads go into one transaction, and each thread waits for its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

import structlog

from harkara.errors import Unavailable, stops_all
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest, Begun, begin, begin_alone
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.one_statement import is_one_statement, write_in_one_statement
from harkara.ledger.messages.record import record
from harkara.ledger.transaction import Transaction

log = structlog.get_logger(__name__)

MAX_WRITES = 256
"""Writes in one transaction."""

WORKING_SECONDS = 0.5
"""How long after an answer the next answers of the same lane cannot be a probe's, which would end a halt."""

FEW = 8
"""From this many on, outcomes wait no longer: all sender threads could be among those that wait, and begin nothing."""

RETRY_SECONDS = 0.25
"""Between two attempts to record an outcome."""

Answer = bool | Unavailable
"""Whether the claim held, or that the database did not confirm it; True for an outcome."""

Reply = Callable[[Answer], object]
"""Gets the answer to a write in the thread of the group commit."""

Begin = tuple[BeginRequest, Reply]
Result = tuple[ClaimResult, Reply]
Job = tuple[BeginRequest | ClaimResult, Reply]


class PostFence(Protocol):
    """Stops POSTs while the ledger may have lost some that were made before."""

    def prepare(self) -> bool:
        """Return whether `confirm` needs the timeline of the server. Raises Unavailable while nothing may be POSTed."""

    def confirm(self, begun: Begun) -> None:
        """Raise Unavailable unless the messages, which are durably `sending`, may be POSTed."""


class GroupCommit:
    """Writes for all sender threads of a process, in a thread of its own.

    Each transaction has what came while the one before it was committed. `linger_seconds` is how long a few outcomes
    wait for begin requests, in whose transaction they cost next to nothing.
    An outcome that the database does not take for `retry_seconds` goes to `spill`, which stores it where another
    process can record it later. While `spill` is unavailable too, the outcome stays here and is tried again. The
    process that records it later decides whether it can be recorded at all (see `record_spilled`). `fence` may refuse
    the POSTs.

    `Batcher` batches for an event loop, without a delay or a retry. Here a thread lets outcomes linger, keeps
    unrecorded ones, and leaves the sender threads to their POSTs, so the two share no code.
    """

    def __init__(
        self,
        db: Database,
        spill: Callable[[ClaimResult], None],
        *,
        linger_seconds: float = 0.05,
        retry_seconds: float = 20.0,
        fence: PostFence | None = None,
    ) -> None:
        self._db = db
        self._fence = fence
        self._spill = spill
        self._linger_seconds = linger_seconds
        self._retry_seconds = retry_seconds
        self._begin_seconds = 0.005
        self._working_lanes: dict[str, float] = {}
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def begin(self, request: BeginRequest) -> bool:
        """Return True when the message is durably `sending`, and False when the claim no longer holds.

        Raises Unavailable when the database did not confirm the write: then there must be no POST.
        """
        submitted = time.monotonic()
        held = self._wait_for(request)
        if isinstance(held, Unavailable):
            raise held
        seconds = time.monotonic() - submitted
        # It rises at once and falls slowly: a missed slot costs more than one that was awaited for too long.
        self._begin_seconds = max(seconds, self._begin_seconds + (seconds - self._begin_seconds) / 16)
        return held

    def record(self, result: ClaimResult) -> None:
        """Return when the outcome is durable, in the ledger or with `spill`."""
        self._wait_for(result)

    def record_then(self, result: ClaimResult, recorded: Callable[[], None]) -> None:
        """Return at once, and call `recorded` when the outcome is durable, in the ledger or with `spill`.

        It is called in the thread of the group commit, so it must be brief and must not raise.
        """
        self._jobs.put((result, lambda _: recorded()))

    def record_later(self, result: ClaimResult) -> None:
        """Record without waiting, for a message that was stopped before its POST.

        If the outcome is lost, the message is only claimed once more.
        """
        self._jobs.put((result, _ignore))

    @property
    def lead_seconds(self) -> float:
        """How long before its slot a thread begins: the time that a begin usually takes at most."""
        return min(max(2 * self._begin_seconds, 0.05), 0.25)

    def close(self) -> None:
        """Write what is queued, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _wait_for(self, write: BeginRequest | ClaimResult) -> Answer:
        answers: SimpleQueue[Answer] = SimpleQueue()  # it costs half of a Future
        self._jobs.put((write, answers.put))
        return answers.get()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = self._next_batch(first)
            begins = [(write, reply) for write, reply in batch if isinstance(write, BeginRequest)]
            results = [(write, reply) for write, reply in batch if isinstance(write, ClaimResult)]
            if len(begins) > 1 or len(results) >= FEW:
                self._write(begins, results)
            else:  # a POST waits for the only begin request, and nothing waits for the outcomes
                self._write(begins, [])
                self._write([], results)

    def _next_batch(self, first: Job) -> list[Job]:
        """Return all queued writes; while they are few, and none of them is a begin request, linger for more."""
        batch = [first]
        until = time.monotonic() + self._linger_seconds
        ripe = isinstance(first[0], BeginRequest)
        while len(batch) < MAX_WRITES:
            try:
                job = self._jobs.get(timeout=0.0 if ripe else max(0.0, until - time.monotonic()))
            except Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            batch.append(job)
            ripe = ripe or isinstance(job[0], BeginRequest) or len(batch) >= FEW
        return batch

    def _write(self, begins: Sequence[Begin], results: Sequence[Result]) -> None:
        if not begins and not results:
            return
        try:
            begun = self._commit([request for request, _ in begins], [result for result, _ in results])
        except Exception as error:
            self._commit_failed(begins, results, error)
            return
        for _, reply in results:
            reply(True)
        refusal = self._refusal(begun) if begun and begun.held else None
        for request, reply in begins:
            is_held = begun is not None and (request.claimed.id, request.claimed.epoch) in begun.held
            reply(refusal if is_held and refusal else is_held)

    def _refusal(self, begun: Begun) -> Unavailable | None:
        """Return why the fence lets no POST follow; None when it does."""
        try:
            if self._fence:
                self._fence.confirm(begun)
        except Unavailable as error:
            log.warning("POSTs refused", action="posts_refused", error=str(error), changes=len(begun.held))
            return error
        except Exception as error:  # the sender threads wait for an answer
            log.error("POSTs refused", action="posts_refused", error=type(error).__name__, changes=len(begun.held))
            return Unavailable("the ledger could not be compared with the last POSTs")
        return None

    def _commit(self, requests: Sequence[BeginRequest], results: Sequence[ClaimResult]) -> Begun | None:
        with_timeline = bool(requests and self._fence and self._fence.prepare())
        if not results:
            return begin_alone(self._db, requests, with_timeline=with_timeline)
        now = time.monotonic()
        working = [lane for lane, at in self._working_lanes.items() if now - at < WORKING_SECONDS]
        if is_one_statement(self._db, requests, results, working):
            return self.write_at_once(requests, results, with_timeline)
        with self._db.write() as tx:
            # A new dict, since the threads that retry outcomes read it, too.
            answered = self.write_results(tx, results, working, [request.claimed.id for request in requests])
            self._working_lanes = self._working_lanes | dict.fromkeys(answered, now)
            return begin(tx, requests, with_timeline=with_timeline) if requests else None

    def write_results(
        self, tx: Transaction, results: Sequence[ClaimResult], working: Collection[str], changed_later: Collection[str]
    ) -> set[str]:
        """Write outcomes in the transaction of a batch. A subclass may wrap this step, as the crash tests do."""
        return record(tx, results, working, changed_later=changed_later)

    def write_at_once(
        self, requests: Sequence[BeginRequest], results: Sequence[ClaimResult], with_timeline: bool
    ) -> Begun:
        """Write a batch in one statement, which commits it. A subclass may wrap this step, as the crash tests do."""
        return write_in_one_statement(self._db, requests, results, with_timeline=with_timeline)

    def _commit_failed(self, begins: Sequence[Begin], results: Sequence[Result], error: Exception) -> None:
        """Refuse the POSTs and retry the outcomes: whether the commit happened is unknown.

        After an error that one write of the batch may have caused, each POST is begun alone.
        """
        # An Unavailable names its reason and no value of a row; the text of another error may quote one.
        reason = str(error) if isinstance(error, Unavailable) else type(error).__name__
        log.warning("commit failed", action="commit_failed", error=reason, changes=len(begins) + len(results))
        alone = len(begins) > 1 and not stops_all(error)
        for request, reply in begins:
            if alone:
                self._write([(request, reply)], [])
            else:
                reply(error if isinstance(error, Unavailable) else Unavailable("the ledger refused the write"))
        if results:
            Thread(target=self._retry, args=(results,), name="record-again", daemon=True).start()

    def _retry(self, results: Sequence[Result]) -> None:
        """Record each outcome alone, so that a bad one does not stop the others, until it is durable."""
        until = time.monotonic() + self._retry_seconds
        waiting = list(results)
        while waiting := [one for one in waiting if not self._settled(*one, until)]:
            time.sleep(RETRY_SECONDS)

    def _settled(self, result: ClaimResult, reply: Reply, until: float) -> bool:
        """Record an outcome alone; return False if it must be tried again. After `until` it is spilled instead."""
        error = self._record_alone(result)
        if error and not (time.monotonic() > until and self._spilled(result)):
            return False
        reply(True)
        return True

    def _record_alone(self, result: ClaimResult) -> Exception | None:
        try:
            self._commit([], [result])
        except Exception as error:
            if not stops_all(error):
                log.error("outcome not recorded", action="record_failed", id=result.id, error=type(error).__name__)
            return error
        return None

    def _spilled(self, result: ClaimResult) -> bool:
        try:
            self._spill(result)
        except Unavailable:
            return False
        except Exception as error:
            log.error("outcome not spilled", action="spill_failed", id=result.id, error=type(error).__name__)
            return False
        return True


def _ignore(_answer: Answer) -> None:
    """The reply to a write that nothing waits for."""
