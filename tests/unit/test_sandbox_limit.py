"""The sandbox's rate limit counts arrivals, in whatever order they are read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.counts import most_in_window
from sandbox.limit import SlidingWindow

MOST, WINDOW = 3, 2.0
ARRIVALS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=40)
"""Requests as (tenths of seconds at which it was read, tenths that it had waited by then)."""


@given(ARRIVALS)
def test_no_window_exceeds_the_limit_and_only_what_would_is_refused(arrivals: list[tuple[int, int]]) -> None:
    limiter = SlidingWindow()
    accepted: list[float] = []
    for read, waited in sorted(arrivals):
        at = (read - waited) / 10
        fits = most_in_window([*accepted, at], WINDOW) <= MOST
        assert limiter.try_acquire("token", at, (MOST, WINDOW)) == fits
        if fits:
            accepted.append(at)
