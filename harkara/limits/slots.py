"""A slot, and the request for one: what a caller exchanges with the limiter."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Slot:
    """Permission to send between `at` and `by`, both `time.monotonic()` of this process.

    `place` identifies the slot in its lane: microseconds of the server's clock.
    """

    at: float
    by: float
    place: int = 0

    def until(self, moment: float) -> Slot:
        """Return the same slot, in which nothing may be sent after this moment."""
        return self if self.by <= moment else Slot(self.at, moment, self.place)

    def missed(self) -> bool:
        """Whether it is too late to send in this slot; sending now could overfill a later window."""
        return time.monotonic() > self.by


@dataclass(frozen=True, slots=True)
class SlotRequest:
    """A request for the slot of one POST.

    `pair` is an opaque digest of the recipient, or None to skip the pair limit. `weight` is the number of messages in
    the POST. A request that is not `urgent` (marketing) may not use the reserved part of the allowance.
    The slot `given_up` was missed and becomes free again: nothing has been sent in it, and nothing may be.
    """

    pair: str | None
    urgent: bool
    weight: int = 1
    given_up: Slot | None = None
