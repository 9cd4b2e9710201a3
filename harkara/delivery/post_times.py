"""When the steps of one delivery happened."""

from __future__ import annotations

from typing import NamedTuple


class PostTimes(NamedTuple):
    """Moments by `time.monotonic()`.

    The sender thread began, the POST began, its answer was judged, and the outcome was durable.
    """

    begun: float
    started: float
    answered: float
    recorded: float
