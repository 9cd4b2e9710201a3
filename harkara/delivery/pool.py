"""The sender threads of a process: work starts at its time, then by priority."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count, islice
from queue import PriorityQueue
from threading import Condition, Lock, Thread

Work = Callable[[], None]


class Pool:
    """`threads` sender threads and one clock thread. Work that waits for its time occupies no sender thread."""

    def __init__(self, threads: int) -> None:
        self._turn = count()
        self._ready: PriorityQueue[tuple[int, int, Work | None, Future[None]]] = PriorityQueue()
        self._timed: list[tuple[float, int, int, Work, Future[None]]] = []
        self._changed = Condition()
        self._admitted: Counter[int] = Counter()
        self._admission = Lock()
        self._closed = False
        self._clock = Thread(target=self._run_clock, name="sender-clock", daemon=True)
        self._threads = [Thread(target=self._run, name=f"sender-{n}", daemon=True) for n in range(threads)]
        for thread in (self._clock, *self._threads):
            thread.start()

    def submit(self, work: Work, *, priority: int, at: float | None = None) -> Future[None]:
        """Run `work` at the monotonic time `at`, or as soon as a thread is free.

        Lower priority numbers run first, equal ones in the order of their submission.
        """
        future: Future[None] = Future()
        if at is None or at <= time.monotonic():
            self._ready.put((priority, next(self._turn), work, future))
            return future
        with self._changed:
            heapq.heappush(self._timed, (at, priority, next(self._turn), work, future))
            if self._timed[0][4] is future:
                self._changed.notify()
        return future

    def admit(self, works: int, priority: int, seconds: float) -> bool:
        """Wait for free threads for works of up to this priority; return False when there are none after `seconds`.

        Threads are free while fewer works of such priorities are ready, or admitted by other callers, than there are
        threads. The caller ends the admission with `end_admission` when it has submitted its works.
        """
        deadline = time.monotonic() + seconds
        while not self._admitted_now(works, priority):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def end_admission(self, works: int, priority: int) -> None:
        """End what `admit` returned True for, with the same arguments."""
        with self._admission:
            self._admitted[priority] -= works

    def close(self) -> None:
        """Run everything that was submitted, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._clock.join()
        for _ in self._threads:
            self._ready.put((1_000_000, next(self._turn), None, Future()))
        for thread in self._threads:
            thread.join()

    def _admitted_now(self, works: int, priority: int) -> bool:
        with self._admission:
            before = (each for each, *_ in list(self._ready.queue) if each <= priority)
            ready = sum(1 for _ in islice(before, len(self._threads)))  # more makes no difference
            admitted = sum(number for each, number in self._admitted.items() if each <= priority)
            free = ready + admitted < len(self._threads)
            if free:
                self._admitted[priority] += works
        return free

    def _run_clock(self) -> None:
        with self._changed:
            while self._timed or not self._closed:
                wait = self._timed[0][0] - time.monotonic() if self._timed else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _at, priority, turn, work, future = heapq.heappop(self._timed)
                self._ready.put((priority, turn, work, future))

    def _run(self) -> None:
        while True:
            _priority, _turn, work, future = self._ready.get()
            if work is None:
                return
            if not future.set_running_or_notify_cancel():
                continue
            try:
                work()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)
