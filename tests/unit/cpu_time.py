"""The CPU time of a call. A machine that stalls may charge too much to one call, but not to each of three."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time


def quickest(call: Callable[[], object], *, enough: float) -> float:
    """Return the fewest seconds of three calls; one that takes less than `enough` needs no other."""
    seconds = _seconds(call)
    for _ in range(2):
        if seconds >= enough:
            seconds = min(seconds, _seconds(call))
    return seconds


def _seconds(call: Callable[[], object]) -> float:
    start = thread_time()
    call()
    return thread_time() - start
