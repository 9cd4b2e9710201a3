"""The allowance of a lane: messages per window, burst, minimum gap, and the part reserved for urgent messages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from harkara.errors import Invalid

MAX_COUNT = 10_000
"""The limiter stores every slot of a window, so the number of messages in a window has an upper bound."""

MAX_WINDOW = 86_400
"""Seconds."""

_SPELLING = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6}(?:\.\d{1,6})?)\s*s")


MAX_GUARD = 0.02
"""Seconds. The guard of a lane whose way to the server is not known to be short."""


def with_margin(seconds: float, guard: float = MAX_GUARD) -> float:
    """Return the length of a window or gap that the limiter enforces: 1 % longer, and at least `guard` seconds.

    The margin covers the time between a slot and the arrival of its request at the server. A thread may wake late and
    the request is on its way; both take milliseconds, however short the window is.
    """
    return seconds + max(0.01 * seconds, guard)


@dataclass(frozen=True, slots=True)
class Allowance:
    """`count` messages in any window of `window` seconds. Raises Invalid for a value out of range.

    `burst` messages may go out at once after an idle time, and two messages are at least `gap` seconds apart.
    Marketing may not use the share `reserve` of the count, which is at least one message unless `reserve` is 0.
    """

    count: int
    window: float
    burst: int = 5
    gap: float = 0.0
    reserve: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MAX_COUNT:
            raise Invalid("allowance", f"must be 1 to {MAX_COUNT} messages in a window", str(self.count))
        if not 0 < self.window <= MAX_WINDOW:
            rule = f"must have a window of more than 0 and at most {MAX_WINDOW} seconds"
            raise Invalid("allowance", rule, f"{self.window:g}")
        if self.burst < 1:
            raise Invalid("burst", "must be at least 1", str(self.burst))
        if not 0 <= self.gap <= self.window:
            raise Invalid("gap", "must be 0 to the seconds of the window", f"{self.gap:g}")
        if not 0 <= self.reserve < 1:
            raise Invalid("reserve", "must be at least 0 and below 1", f"{self.reserve:g}")

    @classmethod
    def parse(cls, text: str, *, burst: int = 5, gap: float = 0.0, reserve: float = 0.1) -> Self | None:
        """Parse "20/60s" (20 messages in any 60 seconds); "none" gives None, no limit. Raises Invalid."""
        if text.strip().lower() == "none":
            return None
        match = _SPELLING.fullmatch(text.strip().lower())
        if match is None:
            raise Invalid("allowance", 'must be messages/seconds with an s, such as "20/60s", or "none"')
        return cls(int(match[1]), float(match[2]), burst, gap, reserve)

    @property
    def reserved(self) -> int:
        """The messages of a window that marketing may not use; at least one message is left for marketing."""
        return min(self.count - 1, max(1, round(self.reserve * self.count))) if self.reserve else 0

    def __str__(self) -> str:
        return f"{self.count}/{self.window:g}s"
