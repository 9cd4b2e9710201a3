"""Outages: a service that refuses its work is logged when that begins and when it is over, and not in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

import structlog

from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

QUIET_SECONDS = 10.0
"""An outage is over when nothing has failed for its reason for so long: more than a round waits for an answer."""


class OutageLog:
    """The log of the outages that a process meets. Its threads report every failure, and that they go on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._since: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def failed(self, work: str, error: Unavailable) -> None:
        """Note that a service did not let `work` be done; log the reason and the next step if it is a new one."""
        reason = error.outage or str(error)
        now = self._clock()
        with self._lock:
            is_new = reason not in self._since
            self._since.setdefault(reason, now)
            self._last[reason] = now
        if is_new:
            log.warning("work suspended", action="outage_began", work=work, error=reason)

    def worked(self) -> None:
        """Note that work was done; log the reasons for which none fails any more."""
        if not self._since:
            return
        now = self._clock()
        with self._lock:
            over = [reason for reason, last in self._last.items() if now - last >= QUIET_SECONDS]
            seconds = {reason: self._last.pop(reason) - self._since.pop(reason) for reason in over}
        for reason, lasted in seconds.items():
            log.info("work resumed", action="outage_over", seconds=round(lasted), error=reason)
