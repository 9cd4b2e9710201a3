"""The account's rate limit: at most so many requests of one token in any sliding window."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from functools import lru_cache

_SPELLING = re.compile(r"(\d+)/(\d+(?:\.\d+)?)s")


@lru_cache(maxsize=64)
def parse_limit(spelling: str) -> tuple[int, float] | None:
    """`"20/60s"` is 20 requests in any 60 seconds; `"none"` is no limit.

    Raises ValueError for any other spelling.
    """
    if spelling == "none":
        return None
    match = _SPELLING.fullmatch(spelling)
    if match is None or float(match[2]) == 0:
        raise ValueError('must be "<requests>/<seconds>s", for example "20/60s", or "none"')
    return int(match[1]), float(match[2])


class SlidingWindow:
    """An exact sliding log for each token; a request that is refused takes no place in it."""

    def __init__(self) -> None:
        self._taken: defaultdict[str, deque[float]] = defaultdict(deque)

    def admits(self, token: str, at: float, limit: tuple[int, float] | None) -> bool:
        """Takes a place at `at` (seconds, never going backwards) if the window has one left."""
        if limit is None:
            return True
        most, window = limit
        taken = self._taken[token]
        while taken and taken[0] <= at - window:
            taken.popleft()
        if len(taken) >= most:
            return False
        taken.append(at)
        return True

    def forget(self) -> None:
        self._taken.clear()
