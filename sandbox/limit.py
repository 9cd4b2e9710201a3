"""The account's rate limit: at most N requests of one token in any sliding window."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from functools import lru_cache

READ_SECONDS = 1.0
"""Seconds after its arrival within which a request is read."""

_SPELLING = re.compile(r"(\d+)/(\d+(?:\.\d+)?)s")


@lru_cache(maxsize=64)
def parse_limit(spelling: str) -> tuple[int, float] | None:
    """Parse `"20/60s"` as 20 requests in any 60 seconds, and `"none"` as no limit.

    Raises ValueError for any other spelling.
    """
    if spelling == "none":
        return None
    match = _SPELLING.fullmatch(spelling)
    if match is None or float(match[2]) == 0:
        raise ValueError('must be "<requests>/<seconds>s", for example "20/60s", or "none"')
    return int(match[1]), float(match[2])


class SlidingWindow:
    """An exact sliding log for each token; a refused request does not count."""

    def __init__(self) -> None:
        self._acquired: defaultdict[str, list[float]] = defaultdict(list)

    def try_acquire(self, token: str, at: float, limit: tuple[int, float] | None) -> bool:
        """Count a request that arrived at `at` (seconds) if then no window has more than the limit allows.

        Of requests that arrived within READ_SECONDS, a later one may have been read first.
        """
        if limit is None:
            return True
        most, window = limit
        acquired = self._acquired[token]
        del acquired[: bisect_left(acquired, at - window - READ_SECONDS)]
        insort(acquired, at)
        last = bisect_right(acquired, at) - 1
        for end in range(max(last, most), min(last + most + 1, len(acquired))):
            if acquired[end] - acquired[end - most] < window:
                del acquired[last]
                return False
        return True

    def clear(self) -> None:
        self._acquired.clear()
