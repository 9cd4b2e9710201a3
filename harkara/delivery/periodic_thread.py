"""A thread that runs rounds of periodic work in every worker, so that beat is no single point of failure."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import Event, Thread
from time import monotonic

import structlog

from harkara.errors import Unavailable
from harkara.outages import OutageLog

log = structlog.get_logger(__name__)

INTERVAL_SECONDS = 1.0


class PeriodicThread:
    """Runs its rounds one after the other, every INTERVAL_SECONDS; a round that fails does not stop the others.

    With `waits`, the rounds wait for their work themselves: they run again at once after one that returned some.
    `outages` logs what stops them, for all threads of a process that share it.
    """

    def __init__(self, *rounds: Callable[[], object], outages: OutageLog | None = None, waits: bool = False) -> None:
        self._rounds = rounds
        self._waits = waits
        self._outages = outages or OutageLog()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="periodic", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Wait for the current round, then end."""
        self._stop.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        pause = INTERVAL_SECONDS
        while not self._stop.wait(pause):
            began = monotonic()
            results = [self._run_safely(round_) for round_ in self._rounds]
            waited = INTERVAL_SECONDS if any(results) else monotonic() - began
            pause = max(0.0, INTERVAL_SECONDS - waited) if self._waits else INTERVAL_SECONDS

    def _run_safely(self, round_: Callable[[], object]) -> object:
        """Return what the round returned, or None if it failed."""
        name = getattr(round_, "__name__", "round")
        result = None
        try:
            result = round_()
        except Unavailable as error:
            self._outages.failed(name, error)
        except Exception:
            # Any bug in one round must not stop the rounds after it.
            log.exception("round failed", action="round_broke", round=name)
        else:
            self._outages.worked()
        return result


def every(seconds: float, round_: Callable[[], object]) -> Callable[[], object]:
    """Return a round that runs at once, then `seconds` after it last succeeded."""
    due = monotonic()

    @wraps(round_)
    def when_due() -> None:
        nonlocal due
        if monotonic() >= due:
            round_()
            due = monotonic() + seconds

    return when_due
