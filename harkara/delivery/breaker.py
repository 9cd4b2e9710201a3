"""The circuit breaker of each lane: pauses the lane after repeated connection errors."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Lock

from harkara.outcomes import Outcome, Pause, Wait

FAILURES = 5
"""Connection errors in a row that open the breaker."""

SECONDS = 5.0
"""The first pause. The ledger doubles it each time a probe fails."""


class Breaker:
    """Counts connection errors in this process; the pause is stored in the ledger and applies to every process."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._lock = Lock()

    def observe(self, lane: str, outcome: Outcome, *, connected: bool) -> Outcome:
        """Return the outcome, with a pause of the lane added when this failure opens the breaker."""
        with self._lock:
            if connected:
                self._failures.pop(lane, None)
                return outcome
            self._failures[lane] += 1
            opens = self._failures[lane] >= FAILURES
        if not opens or not isinstance(outcome, Wait) or outcome.pause:
            return outcome
        reason = f"Chat Mitra cannot be reached: {outcome.reason}"
        return replace(outcome, pause=Pause("lane", SECONDS, outcome.code, reason))
