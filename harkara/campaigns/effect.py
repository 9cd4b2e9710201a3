"""The effect of a campaign on answers: those who got it against those who were drawn to get nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harkara.json_record import JsonRecordSeconds, TimestampSeconds

_Z = 1.959964
"""The quantile of the normal distribution for 95 % confidence."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CampaignEffect(JsonRecordSeconds):
    """How many of both groups wrote since the start. All who should get the campaign count, also if it failed for some.

    `difference` is that of the shares, and between `low` and `high` with 95 % confidence: the interval of Newcombe
    (Statistics in Medicine 17, 1998, method 10), which also holds for small groups. `final` says that the days over
    which answers count have passed; without it the effect is that of now, or of when the first number was erased.
    """

    since: TimestampSeconds
    days: int
    final: bool
    recipients: int
    answered: int
    held_out: int
    held_out_answered: int
    difference: float | None
    low: float | None
    high: float | None
    sentence: str


def measure(
    since: TimestampSeconds, days: int, recipients: tuple[int, int], held_out: tuple[int, int], *, final: bool
) -> CampaignEffect:
    """Return the effect. Each group is given as its size and the number of those in it who wrote."""
    (n, a), (m, b) = recipients, held_out
    difference = low = high = None
    if n and m:
        difference = _rounded(a / n - b / m)
        low, high = map(_rounded, _newcombe(a, n, b, m))
    return CampaignEffect(
        since=since,
        days=days,
        final=final,
        recipients=n,
        answered=a,
        held_out=m,
        held_out_answered=b,
        difference=difference,
        low=low,
        high=high,
        sentence=_sentence(n, a, m, b, low, high),
    )


def _newcombe(a: int, n: int, b: int, m: int) -> tuple[float, float]:
    p, q = a / n, b / m
    (low_p, high_p), (low_q, high_q) = _wilson(a, n), _wilson(b, m)
    low = p - q - math.hypot(p - low_p, high_q - q)
    high = p - q + math.hypot(high_p - p, q - low_q)
    return low, high


def _wilson(hits: int, n: int) -> tuple[float, float]:
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return middle - half, middle + half


def _sentence(n: int, a: int, m: int, b: int, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "One of the groups is empty, so there is nothing to compare."
    groups = f"{a / n:.1%} of {n:,} recipients wrote, and {b / m:.1%} of the {m:,} who got nothing"
    points = f"{100 * low:+.1f} and {100 * high:+.1f} points"
    if low > 0 or high < 0:
        word = "more" if low > 0 else "less"
        return f"{groups}: the campaign made {word} people write, with 95 % confidence between {points}."
    return f"{groups}: no effect is certain; with 95 % confidence it is between {points}."


def _rounded(share: float) -> float:
    return round(share, 6)
