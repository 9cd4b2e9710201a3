"""The account's rate limit: at most N requests of one token in any sliding window."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from functools import lru_cache

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
        self._acquired: defaultdict[str, deque[float]] = defaultdict(deque)

    def try_acquire(self, token: str, at: float, limit: tuple[int, float] | None) -> bool:
        """Count a request at `at` (seconds, never going backwards) if the limit allows one more."""
        if limit is None:
            return True
        most, window = limit
        acquired = self._acquired[token]
        while acquired and acquired[0] <= at - window:
            acquired.popleft()
        if len(acquired) >= most:
            return False
        acquired.append(at)
        return True

    def clear(self) -> None:
        self._acquired.clear()
