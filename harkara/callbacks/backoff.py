"""Backoff: the delay before a callback is retried, and how many go out at once while the application fails."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from threading import Lock

from harkara.ledger.callbacks.outbox import Delivered, DeliveryResult, Untried

RETRY_SECONDS = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
"""Delay after each failed try; the last one repeats until the callback expires."""

MAX_BATCH = 32
"""Callbacks in one batch."""

FAILURES_IN_A_ROW = 3
"""This many failures without a success between them are the application's fault, not that of one callback."""

MAX_PAUSE = 30.0
"""Seconds between two probes of an application that takes nothing."""

MAX_RETRY_AFTER = 3600.0
"""Seconds of pause that `Retry-After` can ask for."""


class Backoff:
    """Adapts the batch size to the results of each batch; any number of threads may call `record` at once.

    While the application fails, a batch is one callback, and the pause before it doubles each time. When it takes
    callbacks again, each batch is twice as large as the one before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._batch = MAX_BATCH
        self._failures = 0
        self._retry_after = 0.0
        self._pause = 0.0
        self._paused_until = 0.0
        self.reason = ""

    @property
    def batch_size(self) -> int:
        """How many callbacks may go out now; 0 during a pause."""
        return self._batch if self._clock() >= self._paused_until else 0

    @property
    def failing(self) -> bool:
        return self._failures >= FAILURES_IN_A_ROW

    @property
    def halted(self) -> bool:
        """Whether the rest of the current batch must wait."""
        return self.failing or self._retry_after > 0

    @property
    def long_failing(self) -> bool:
        """Whether the application has failed for about a minute."""
        return self._pause >= MAX_PAUSE

    def record(self, result: DeliveryResult, retry_after: float = 0.0) -> None:
        """Record one result; during the next `retry_after` seconds no callback at all may go out."""
        with self._lock:
            self._retry_after = max(self._retry_after, min(retry_after, MAX_RETRY_AFTER))
            if isinstance(result, Delivered):
                self._failures = 0
            elif not isinstance(result, Untried):
                self._failures += 1
                self.reason = result.reason

    def end_batch(self) -> None:
        """Set size and start of the next batch from the results of this one."""
        with self._lock:
            self._pause = min(MAX_PAUSE, max(1.0, 2 * self._pause)) if self.failing else 0.0
            self._batch = 1 if self.failing else min(MAX_BATCH, 2 * self._batch)
            self._paused_until = self._clock() + max(self._retry_after, self._pause * random.uniform(1.0, 1.2))
            self._retry_after = 0.0


def retry_delay(tries: int) -> float:
    """Return the seconds before the next try.

    Up to a fifth is added at random, so that callbacks that failed together are not retried together.
    """
    return RETRY_SECONDS[min(tries, len(RETRY_SECONDS)) - 1] * random.uniform(1.0, 1.2)
