"""A figure of a benchmark, its goal, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """A lower or an upper bound."""

    bound: Literal["≥", "≤"]
    value: float

    def met(self, found: float) -> bool:
        return found >= self.value if self.bound == "≥" else found <= self.value


def at_least(value: float) -> Goal:
    return Goal("≥", value)


def at_most(value: float) -> Goal:
    return Goal("≤", value)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in `unit`, the median of its `rounds`; the goal is optional."""

    what: str
    unit: str
    rounds: Sequence[float]
    goal: Goal | None = None

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def ratio(self) -> float | None:
        """The figure divided by its goal: 1 or more meets a goal of "at least", 1 or less one of "at most"."""
        return self.value / self.goal.value if self.goal and self.goal.value else None

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
            "goal": self.goal and f"{self.goal.bound} {self.goal.value:g}",
            "ratio": self.ratio,
            "met": self.met,
        }

    def cells(self) -> tuple[str, str, str, str, str]:
        """Return the cells of a table row: what, goal, figure with the range of its rounds, ratio, met."""
        spread = f" ({short(min(self.rounds))}–{short(max(self.rounds))})" if len(self.rounds) > 1 else ""
        return (
            self.what,
            f"{self.goal.bound} {self.goal.value:,g} {self.unit}" if self.goal else "",
            f"{short(self.value)}{spread} {self.unit}".rstrip(),
            "" if self.ratio is None else f"{self.ratio:.2f}",
            {None: "", True: "yes", False: "NO"}[self.met],
        )


def lateness(what: str, seconds: Sequence[float], *, p50: float | None, p99: float, unit: str = "ms") -> list[Figure]:
    """Return the median and the 99th percentile of times in seconds, against goals in `unit` (ms or s)."""
    times = sorted(1000 * s if unit == "ms" else s for s in seconds)
    middle = Figure(f"{what}, p50", unit, [median(times)], at_most(p50) if p50 else None)
    return [middle, Figure(f"{what}, p99", unit, [percentile_99(times)], at_most(p99))]


def percentile_99(values: Sequence[float]) -> float:
    """Return the 99th percentile, or the maximum of fewer than a hundred values."""
    return quantiles(values, n=100, method="inclusive")[98] if len(values) >= 100 else max(values)


def short(number: float) -> str:
    """Format with three significant digits."""
    if number and abs(number) < 1:
        return f"{number:.3f}"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
