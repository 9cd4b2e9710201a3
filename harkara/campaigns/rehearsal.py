"""The rehearsal of a campaign: when it would end, what it would cost and whom it would delay."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from harkara.errors import Invalid
from harkara.lanes import QuietHours
from harkara.limits import Allowance, with_margin
from harkara.messages.template import TemplateCategory

_LONGEST = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What would happen. `ends_at` is `starts_at`, the seconds of sending and those paused for quiet hours together.

    The first message goes at `starts_at`, which is later than asked for when that lies in quiet hours, and the last one
    at `ends_at`. `delays_others` counts those for which the kept part of the allowance does not suffice: each takes a
    place from the campaign and may have to wait for it, one pace of the campaign at most.
    """

    messages: int
    starts_at: datetime
    ends_at: datetime
    seconds_of_sending: float
    paused_for_quiet: float
    delays_others: int
    cost_by_category: Mapping[str, Decimal]


def rehearse(
    messages: int,
    category: TemplateCategory,
    starts_at: datetime,
    allowance: Allowance | None,
    quiet_hours: QuietHours | None = None,
    *,
    others: Iterable[datetime] = (),
    cost_by_category: Mapping[str, Decimal] | None = None,
) -> Rehearsal:
    """Reckons with the limiter's even pace: its windows are longer than the allowance's, see `with_margin`.

    Only marketing leaves the kept part to others and rests in quiet hours. `others` are the times at which more urgent
    messages of the lane fall due, codes and reminders; those in quiet hours come at their end. An allowance of None
    lets all out at once. Bursts, pauses after HTTP 429 and what is not yet known to fall due are not in it.

    Raises Invalid for a time without a zone, and when it would take more than a year.
    """
    if starts_at.tzinfo is None:
        raise Invalid("starts_at", "must have a time zone")
    quiet = quiet_hours if category == "marketing" else None
    first = _awake(starts_at.timestamp(), quiet)
    places, pace, taken = max(0, messages - 1), 0.0, iter(list[float]())
    if allowance and messages:
        window, lane = with_margin(allowance.window), _pace(allowance, allowance.count)
        pace = _pace(allowance, allowance.count - allowance.reserved) if category == "marketing" else lane
        due = sorted(max(first, _awake(other.timestamp(), quiet_hours)) for other in others)
        taken = _taken(due, lane, round(window / lane - window / pace), window)
    last, delayed = _end(first, places, pace, taken, quiet)
    sending = (places + delayed) * pace
    paused = round(max(0.0, last - first - sending), 3)
    return Rehearsal(messages, _utc(first), _utc(last), sending, paused, delayed, cost_by_category or {})


def _pace(allowance: Allowance, count: int) -> float:
    return max(with_margin(allowance.window) / count, with_margin(allowance.gap) if allowance.gap else 0.0)


def _taken(due: Iterable[float], lane: float, spare: int, window: float) -> Iterator[float]:
    """When others take a place from the campaign: they go at the lane's pace, `spare` a window without doing so."""
    free = deque([-math.inf] * spare, maxlen=spare)
    slot = -math.inf
    for at in due:
        slot = max(at, slot + lane)
        if spare and slot >= free[0] + window:
            free.append(slot)
        else:
            yield slot


def _end(
    first: float, places: float, pace: float, taken: Iterator[float], quiet: QuietHours | None
) -> tuple[float, int]:
    """When the last place is used, and how many places others took until then."""
    delayed, other = 0, next(taken, math.inf)
    for begin, end in _stretches(first, quiet):
        while other <= begin + places * pace:
            places, delayed, other = places + 1, delayed + 1, next(taken, math.inf)
        last = begin + places * pace
        if min(last, end) > first + _LONGEST:
            break
        if last < end:
            return _awake(last, quiet), delayed  # quiet again on the night on which the clock is moved
        places -= (end - begin) / pace
    raise Invalid("allowance", "is too small for this campaign: it would take more than a year")


def _stretches(at: float, quiet: QuietHours | None) -> Iterator[tuple[float, float]]:
    """From when to when it is not quiet, from an `at` that is not."""
    while quiet:
        end = at + quiet.seconds_until(_utc(at))
        yield at, end
        at = _awake(end, quiet)
    yield at, math.inf


def _awake(at: float, quiet: QuietHours | None) -> float:
    return at + (quiet.seconds_left(_utc(at)) or 0.0 if quiet else 0.0)


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
