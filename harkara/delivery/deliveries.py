"""The messages of a chunk in the sender threads, until each of them has its outcome."""

from __future__ import annotations

import time
from collections.abc import Iterable
from threading import Event, Lock


class Deliveries:
    """Counts the messages that have no outcome yet; a message ends in any thread.

    A Future for each message would take several times the CPU of this.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._waiting = dict.fromkeys(ids, True)
        self._left = len(self._waiting)
        self._lock = Lock()
        self._ended = Event()
        self._error: BaseException | None = None
        if not self._left:
            self._ended.set()

    def begin(self, identity: str) -> bool:
        """Return whether a thread may send the message, which was not withdrawn."""
        return self._waiting.pop(identity, False)

    def end(self, error: BaseException | None = None) -> None:
        """Note that a message that has begun has its outcome, or an unexpected error."""
        with self._lock:
            self._left -= 1
            self._error = self._error or error
            if not self._left:
                self._ended.set()

    def wait(self, until: float) -> bool:
        """Wait until all have ended, or until a `time.monotonic()`; return whether they have."""
        return self._ended.wait(max(0.0, until - time.monotonic()))

    def withdraw(self) -> list[str]:
        """Return the messages that no thread has begun; none will begin any more, and they count as ended."""
        withdrawn = [identity for identity in list(self._waiting) if self.begin(identity)]
        for _ in withdrawn:
            self.end()
        return withdrawn

    def finish(self) -> None:
        """Wait until all have ended; raise the first unexpected error of one of them."""
        self._ended.wait()
        if self._error:
            raise self._error
