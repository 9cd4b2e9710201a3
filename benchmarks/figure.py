"""A figure of a benchmark, its goal, and the samples behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, Literal

ENOUGH = 1000
"""The fewest samples of a 99th percentile: ten of them lie above it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A lower or an upper bound."""

    bound: Literal["≥", "≤"]
    value: float

    def __str__(self) -> str:
        return f"{self.bound} {self.value:,g}" if self.value else "0"

    def met(self, found: float) -> bool:
        return found >= self.value if self.bound == "≥" else found <= self.value


def at_least(value: float) -> Target:
    return Target("≥", value)


def at_most(value: float) -> Target:
    return Target("≤", value)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in `unit`, the median of its `rounds`; the goal is optional.

    `of` is the number of measurements that a percentile or a maximum comes from; without it, each round is one.
    """

    what: str
    unit: str
    rounds: Sequence[float]
    goal: Target | None = None
    of: int | None = None

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def samples(self) -> int:
        return self.of or len(self.rounds)

    @property
    def met(self) -> bool | None:
        return self.goal.met(self.value) if self.goal else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "unit": self.unit,
            "value": self.value,
            "lowest": min(self.rounds),
            "highest": max(self.rounds),
            "samples": self.samples,
            "goal": self.goal and str(self.goal),
            "met": self.met,
        }


def percentiles(
    what: str, seconds: Sequence[float], *, p50: float | None, p99: float | None, unit: str = "ms"
) -> list[Figure]:
    """Return the median and the 99th percentile of times in seconds, against goals in `unit` (ms or s).

    Of fewer than `ENOUGH` times it returns the highest instead of the 99th percentile, without a goal.
    """
    times = sorted(1000 * s if unit == "ms" else s for s in seconds)
    middle = Figure(f"{what}, p50", unit, [median(times)], at_most(p50) if p50 else None, len(times))
    if len(times) < ENOUGH:
        return [middle, Figure(f"{what}, highest", unit, [times[-1]], None, len(times))]
    highest = quantiles(times, n=100, method="inclusive")[98]
    return [middle, Figure(f"{what}, p99", unit, [highest], at_most(p99) if p99 else None, len(times))]
