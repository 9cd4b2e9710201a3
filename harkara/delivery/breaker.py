"""The breaker of each lane: after repeated connection errors nobody claims for it, until a probe gets through."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from threading import Lock

from harkara.outcomes import Outcome, Pause, Wait

FAILURES = 5
"""Connection errors in a row that open the breaker."""

SECONDS = 5.0
"""How long it stays open at first; the ledger doubles it each time a probe fails."""


class Breaker:
    """Counts in this process; the halt that it causes lies in the ledger and holds for all."""

    def __init__(self) -> None:
        self._failures: Counter[str] = Counter()
        self._lock = Lock()

    def watch(self, lane: str, outcome: Outcome, *, reached: bool) -> Outcome:
        """Returns the outcome, with the lane's pause added when this failure opens the breaker."""
        with self._lock:
            if reached:
                self._failures.pop(lane, None)
                return outcome
            self._failures[lane] += 1
            opens = self._failures[lane] >= FAILURES
        if not opens or not isinstance(outcome, Wait) or outcome.pause:
            return outcome
        return replace(
            outcome, pause=Pause("lane", SECONDS, outcome.code, f"Chat Mitra cannot be reached: {outcome.reason}")
        )
