"""The current fault switches, and the random draws that decide when a fault occurs."""

from __future__ import annotations

from random import Random
from typing import Any

from sandbox.switches import Delay, Switches

MARKED_NUMBERS = {
    "919000000001": "close_after_accept",
    "919000000002": "never_answer",
    "919000000003": "never_answer_unprocessed",
    "919000000004": "reset_after_read",
    "919000000005": "half_answer",
    "919000000006": "silent_drop",
    "919000000007": "refuse_in_2xx",
    "919000000429": "too_many",
    "919000000500": "server_error",
    "919000000503": "unavailable",
}
"""With `markers` on: the fault of the first request with a content to this recipient; a repeat passes."""


class Faults:
    """The current switches and their random generator."""

    def __init__(self, start: Switches) -> None:
        self._start = start
        self.version = 0
        self.reset()

    def reset(self) -> None:
        """Restore the switches that the process was started with."""
        self._set(self._start.model_copy(deep=True))

    def update(self, patch: dict[str, Any]) -> None:
        """Set the named switches and leave the others.

        Raises pydantic.ValidationError, and changes nothing then.
        """
        self._set(Switches.model_validate(self.switches.model_dump() | patch), reseed="seed" in patch)

    def draw(self, share: float) -> bool:
        """Return True with this probability. A share of 0 draws nothing, so it does not shift the other draws."""
        return share > 0 and self._random.random() < share

    def choose(self, count: int) -> int:
        return self._random.randrange(count)

    def delay_seconds(self, delay: Delay) -> float:
        """Draw from the delay, which is in milliseconds."""
        return (self._random.uniform(*delay) if isinstance(delay, tuple) else delay) / 1000

    def _set(self, switches: Switches, reseed: bool = True) -> None:
        self.switches = switches
        self.version += 1
        if reseed:
            self._random = Random(switches.seed)
