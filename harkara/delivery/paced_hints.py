"""Paced hints: messages that are accepted in quick succession share one hint."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from threading import Lock, Thread
from typing import Final

from harkara.delivery.hints import Hints

PACE_SECONDS: Final = 0.005

AT_ONCE: Final = 0
"""The priority of one-time codes, which wait for no others."""


class PacedHints:
    """Publishes at once, unless the last hint is less than `seconds` old; then a thread publishes when it is.

    Each hint costs the caller CPU time, and Redis a write to the disk that the ledger may wait for, too. A process that
    ends normally first publishes what waits; one that is killed leaves it to the sweep, as any lost hint.
    """

    def __init__(self, hints: Hints, seconds: float = PACE_SECONDS) -> None:
        self._hints = hints
        self._seconds = seconds
        self._next = 0.0
        self._waiting: list[tuple[str, int]] = []
        self._has_thread = False
        self._lock = Lock()
        self._process = os.getpid()

    def publish(self, released: Sequence[tuple[str, int]]) -> None:
        """Publish (id, priority) now or soon. Never raises, as `Hints.publish`."""
        if not released:
            return
        self._leave_those_of_the_parent()
        with self._lock:
            urgent = any(priority <= AT_ONCE for _, priority in released)
            waits = not urgent and (bool(self._waiting) or time.monotonic() < self._next)
            begins = waits and not self._has_thread
            self._has_thread |= begins
            self._waiting += released
        if begins and not self._start_thread():
            waits = self._has_thread = False
        if not waits:
            self.flush()

    def flush(self) -> None:
        """Publish what waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._next = time.monotonic() + self._seconds
        self._hints.publish(waiting)

    def _start_thread(self) -> bool:
        """Return whether a thread will publish; none starts while the interpreter ends."""
        try:
            # No daemon: the interpreter waits for it.
            Thread(target=self._publish_what_waits, name="hints").start()
        except RuntimeError:
            return False
        return True

    def _publish_what_waits(self) -> None:
        """Publish until nothing has come since the last hint: to start a thread costs the caller as much as a hint."""
        while True:
            time.sleep(max(0.0, self._next - time.monotonic()))
            with self._lock:
                if not self._waiting:
                    self._has_thread = False
                    return
            self.flush()

    def _leave_those_of_the_parent(self) -> None:
        """After a fork: the parent publishes what waited in it."""
        if self._process != os.getpid():
            self._waiting, self._has_thread, self._lock, self._process = [], False, Lock(), os.getpid()
