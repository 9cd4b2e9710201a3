"""The pulse of a worker: it puts a task into a queue of its own now and then, and must see it come back."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

BEAT_SECONDS = 10.0
DEAF_SECONDS = 90.0
"""Longer than any chunk of messages keeps a worker's last free hand."""


class Watchdog:
    """Finds a worker that lives but takes nothing from Redis any more, as may be after a reconnect, and ends it.

    `publish` puts the task into this worker's own queue and raises Unavailable when Redis does not take it; what comes
    from there calls `felt`. `end` ends the process, so that its supervisor starts another; it is called once more, and
    may be less polite, when as much time has passed and the process is still there.
    """

    def __init__(
        self, publish: Callable[[], None], end: Callable[[], None], *, deaf_seconds: float = DEAF_SECONDS
    ) -> None:
        self._publish = publish
        self._end = end
        self._deaf = deaf_seconds
        self._unheard_since: float | None = None

    def beat(self) -> None:
        """To be called every BEAT_SECONDS. Raises Unavailable: while Redis is away, nobody is to blame for silence."""
        try:
            self._publish()
        except Unavailable:
            self._unheard_since = None
            raise
        now = time.monotonic()
        if self._unheard_since is None:
            self._unheard_since = now
        elif now - self._unheard_since > self._deaf:
            log.critical("Redis takes tasks, and this worker gets none: it ends", action="deaf", seconds=self._deaf)
            self._unheard_since = now
            self._end()

    def felt(self) -> None:
        """The task came back."""
        self._unheard_since = None
