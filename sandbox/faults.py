"""The fault switches as they stand, and the dice that decide when one plays."""

from __future__ import annotations

from random import Random
from typing import Any

from sandbox.switches import Span, Switches

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
"""With `markers` on: recipient -> the fault that the first request with a content meets; a repeat of it passes."""


class Faults:
    """The switches as they stand now."""

    def __init__(self, start: Switches) -> None:
        self._start = start
        self.version = 0
        self.reset()

    def reset(self) -> None:
        """Back to what the process was started with."""
        self._set(self._start.model_copy(deep=True))

    def change(self, patch: dict[str, Any]) -> None:
        """Sets the named switches and leaves the others.

        Raises pydantic.ValidationError; nothing is changed then.
        """
        self._set(Switches.model_validate(self.switches.model_dump() | patch), reseed="seed" in patch)

    def happens(self, share: float) -> bool:
        """One draw; 0 draws nothing, so that an idle switch does not shift the draws of the others."""
        return share > 0 and self._random.random() < share

    def one_of(self, count: int) -> int:
        return self._random.randrange(count)

    def pause(self, span: Span) -> float:
        """Seconds to wait this time."""
        return (self._random.uniform(*span) if isinstance(span, tuple) else span) / 1000

    def _set(self, switches: Switches, reseed: bool = True) -> None:
        self.switches = switches
        self.version += 1
        if reseed:
            self._random = Random(switches.seed)
