"""The database's clock, carried on by the host's between two looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

FRESH_SECONDS = 1.0
"""The database is asked again after this; until then its clock and the host's run on alike."""


class Clock:
    """Spares most transactions the question for the time, which would be a round trip of its own.

    The host only counts the time that has passed, on Linux also while it sleeps; its calendar does not matter.
    """

    def __init__(self) -> None:
        self._known: tuple[float, datetime] | None = None

    def now(self, ask: Callable[[], datetime]) -> datetime:
        """The database's time; `ask` is how to ask for it."""
        known = self._known
        if known is None or _passed() - known[0] > FRESH_SECONDS:
            moment = ask()
            self._known = known = (_passed(), moment)
        return known[1] + timedelta(seconds=_passed() - known[0])


def _passed() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
