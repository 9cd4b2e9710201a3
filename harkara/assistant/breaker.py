"""The breaker of the model: three failures in five minutes stop it; probes follow after 1, 5 and 15 minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

FAILURES = 3
PERIOD = timedelta(minutes=5)
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
PROBE = timedelta(minutes=1)
"""How long one probe may last before another may begin."""

MayAsk = Literal["yes", "no", "probe"]
"""Whether the model may be asked now; the outcome of the probe decides whether others may."""


def recent(failures: Sequence[datetime], now: datetime) -> list[datetime]:
    """Return the failures that still count."""
    return [at for at in failures if at > now - PERIOD]


def pause(times: int) -> timedelta:
    """Return how long the model is not asked after the halt began, or a probe failed, for this many times before."""
    return PAUSES[min(times, len(PAUSES) - 1)]
