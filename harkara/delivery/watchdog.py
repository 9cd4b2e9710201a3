"""The watchdog of a worker: sends a task to the worker's own queue and ends the process when none comes back."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

SILENCE_SECONDS = 90.0
"""Longer than a chunk of messages can occupy the last free thread of a worker."""


class Watchdog:
    """Ends a process that runs but receives no tasks, which happens to Celery after some reconnects to Redis.

    `publish` puts a task into the worker's own queue, and raises Unavailable when Redis does not accept it; the task
    calls `confirm`. `end` ends the process, so that its supervisor starts another. The watchdog calls `end` again,
    which may then use more force, while the process is still running after another `silence_seconds`.
    """

    def __init__(
        self,
        publish: Callable[[], None],
        end: Callable[[], None],
        *,
        silence_seconds: float = SILENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._end = end
        self._silence = silence_seconds
        self._clock = clock
        self._unconfirmed_since: float | None = None

    def probe(self) -> None:
        """Publish a task, and end the process when none was confirmed for too long.

        Raises Unavailable; silence does not count while Redis is unavailable.
        """
        try:
            self._publish()
        except Unavailable:
            self._unconfirmed_since = None
            raise
        now = self._clock()
        if self._unconfirmed_since is None:
            self._unconfirmed_since = now
        elif now - self._unconfirmed_since > self._silence:
            log.critical("unresponsive worker ended", action="deaf", seconds=self._silence)
            self._unconfirmed_since = now
            self._end()

    def confirm(self) -> None:
        """Note that a task came back."""
        self._unconfirmed_since = None
