"""The sender threads of a process: work starts at its time, then by priority."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from threading import Condition, Event, Lock, Thread
from typing import NamedTuple

Work = Callable[[], None]
"""It must not raise."""


class _Admission(NamedTuple):
    """A caller that waits until its works are admitted; the most urgent is the least."""

    priority: int
    turn: int
    works: int
    granted: Event


class Pool:
    """`threads` sender threads and one clock thread. Work that waits for its time occupies no sender thread."""

    def __init__(self, threads: int) -> None:
        self._turn = count()
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._timed: list[tuple[float, int, int, Work]] = []
        self._ready: list[tuple[int, int, Work]] = []
        self._permits: SimpleQueue[bool] = SimpleQueue()
        """True for each ready work, False for each thread that ends: much cheaper to wait for than a condition."""
        self._places: SimpleQueue[None] = SimpleQueue()
        for _ in range(threads):
            self._places.put(None)
        self._load: Counter[int] = Counter()
        """Works that are ready or admitted, by priority."""
        self._waiting: list[_Admission] = []
        self._closed = False
        self._clock = Thread(target=self._run_clock, name="sender-clock", daemon=True)
        self._threads = [Thread(target=self._run, name=f"sender-{n}", daemon=True) for n in range(threads)]
        for thread in (self._clock, *self._threads):
            thread.start()

    def submit(self, work: Work, *, priority: int, at: float | None = None) -> None:
        """Run `work` at the monotonic time `at`, or as soon as a thread is free.

        Lower priority numbers run first, equal ones in the order of their submission.
        """
        with self._lock:
            turn = next(self._turn)
            if at is None or at <= time.monotonic():
                self._make_ready(priority, turn, work)
            else:
                heapq.heappush(self._timed, (at, priority, turn, work))
                if self._timed[0][2] == turn:
                    self._changed.notify()

    def admit(self, works: int, priority: int, seconds: float) -> bool:
        """Wait for free threads for works of up to this priority; return False when there are none after `seconds`.

        Threads are free while fewer works of such priorities are ready, or admitted by other callers, than there are
        threads. The caller ends the admission with `end_admission` when it has submitted its works.
        """
        admission = _Admission(priority, next(self._turn), works, Event())
        with self._lock:
            heapq.heappush(self._waiting, admission)
            self._grant()
        if admission.granted.wait(seconds):
            return True
        with self._lock:
            if not admission.granted.is_set():
                self._waiting.remove(admission)
                heapq.heapify(self._waiting)
            return admission.granted.is_set()

    def end_admission(self, works: int, priority: int) -> None:
        """End what `admit` returned True for, with the same arguments."""
        with self._lock:
            self._load[priority] -= works
            self._grant()

    def is_idle(self) -> bool:
        """Return whether no work is ready for a thread, and no caller has an admission or waits for one."""
        with self._lock:
            return not self._waiting and not any(self._load.values())

    def close(self) -> None:
        """Run everything that was submitted, then end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._clock.join()
        for _ in self._threads:
            self._permits.put(False)
        for thread in self._threads:
            thread.join()

    def _grant(self) -> None:
        """Admit the callers that wait and have free threads. The caller holds the lock and has changed the load."""
        while self._waiting:
            load = sum(works for priority, works in self._load.items() if priority <= self._waiting[0].priority)
            if load >= len(self._threads):
                return  # no thread is free for less urgent works either
            admission = heapq.heappop(self._waiting)
            self._load[admission.priority] += admission.works
            admission.granted.set()

    def _make_ready(self, priority: int, turn: int, work: Work) -> None:
        heapq.heappush(self._ready, (priority, turn, work))
        self._load[priority] += 1
        self._permits.put(True)

    def occupy(self) -> None:
        """Wait until fewer messages are under way than there are threads; this one is until `vacate`.

        The outcome of a message may be recorded after its thread has gone on. If the process dies, all that are under
        way are uncertain.
        """
        self._places.get()

    def vacate(self) -> None:
        """End what `occupy` began, in any thread."""
        self._places.put(None)

    def _run_clock(self) -> None:
        with self._changed:
            while self._timed or not self._closed:
                wait = self._timed[0][0] - time.monotonic() if self._timed else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                _at, priority, turn, work = heapq.heappop(self._timed)
                self._make_ready(priority, turn, work)

    def _run(self) -> None:
        while self._permits.get():
            with self._lock:
                priority, _turn, work = heapq.heappop(self._ready)
                self._load[priority] -= 1
                if self._waiting:
                    self._grant()
            work()
