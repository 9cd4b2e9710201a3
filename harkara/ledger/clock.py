"""The database's clock, continued by the host's between two queries."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

FRESH_SECONDS = 1.0
"""The database's time is queried again after this; until then both clocks run alike."""


class Clock:
    """Saves most transactions the query for the time, which would be a round trip of its own.

    The host only measures the time that has passed, on Linux also while it is suspended; its calendar does not matter.
    """

    def __init__(self) -> None:
        self._known: tuple[float, datetime] | None = None

    def now(self, query: Callable[[], datetime]) -> datetime:
        """Return the database's time; `query` asks the database for it."""
        known = self._known
        if known is None or _monotonic() - known[0] > FRESH_SECONDS:
            moment = query()
            self._known = known = (_monotonic(), moment)
        return known[1] + timedelta(seconds=_monotonic() - known[0])

    def time_of(self, moment: float, query: Callable[[], datetime]) -> datetime:
        """Return the database's time at a past moment of `time.monotonic()` of this process."""
        return self.now(query) - timedelta(seconds=max(0.0, time.monotonic() - moment))

    def observe(self, moment: datetime) -> None:
        """Note the database's time that a statement has just returned."""
        self._known = (_monotonic(), moment)


def _monotonic() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
