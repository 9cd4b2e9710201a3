"""What a lane is allowed: so many messages in any window, how many of them at once, and what is kept for the urgent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from harkara.errors import Invalid

MOST = 10_000
"""The limiter remembers every slot of a window, so a window has an upper bound."""

_SPELLING = re.compile(r"(\d{1,6})\s*/\s*(\d{1,6}(?:\.\d{1,6})?)\s*s")


def guarded(seconds: float) -> float:
    """A window or gap as the limiter keeps it: 1 % longer, 20 ms at least, for the way from here to the server's clock.

    A thread may wake late and a connection may have to be opened, which takes milliseconds however short the window is.
    """
    return seconds + max(0.01 * seconds, 0.02)


@dataclass(frozen=True, slots=True)
class Allowance:
    """`count` messages in any `window` of seconds. Raises Invalid for what cannot be held.

    `burst` of them may go at once after a quiet time; two are never nearer than `gap` seconds; the part `reserve` of
    the count, at least one message unless it is 0, is kept from marketing.
    """

    count: int
    window: float
    burst: int = 5
    gap: float = 0.0
    reserve: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise Invalid("allowance", f"must be 1 to {MOST} messages in a window", str(self.count))
        if not 0 < self.window <= 86_400:
            raise Invalid(
                "allowance", "must have a window of more than 0 and at most 86400 seconds", f"{self.window:g}"
            )
        if self.burst < 1:
            raise Invalid("burst", "must be at least 1", str(self.burst))
        if not 0 <= self.gap <= self.window:
            raise Invalid("gap", "must be 0 to the seconds of the window", f"{self.gap:g}")
        if not 0 <= self.reserve < 1:
            raise Invalid("reserve", "must be at least 0 and below 1", f"{self.reserve:g}")

    @classmethod
    def parse(cls, text: str, *, burst: int = 5, gap: float = 0.0, reserve: float = 0.1) -> Self | None:
        """Reads "20/60s" (20 messages in any 60 seconds), or "none" for no limit. Raises Invalid."""
        if text.strip().lower() == "none":
            return None
        match = _SPELLING.fullmatch(text.strip().lower())
        if match is None:
            raise Invalid("allowance", 'must be messages/seconds with an s, such as "20/60s", or "none"')
        return cls(int(match[1]), float(match[2]), burst, gap, reserve)

    @property
    def kept(self) -> int:
        """How many messages of a window marketing must leave to what is urgent; one always stays for marketing."""
        return min(self.count - 1, max(1, round(self.reserve * self.count))) if self.reserve else 0

    def __str__(self) -> str:
        return f"{self.count}/{self.window:g}s"
