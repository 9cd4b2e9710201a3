"""The rehearsal of a campaign: its end, its cost, and how many other messages it delays."""

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
from harkara.messages.validation import field_path
from harkara.times import to_utc

_LONGEST = 366 * 86_400.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The forecast of a campaign.

    The first message is sent at `starts_at`, which is later than requested if that is in quiet hours, and the last one
    at `ends_at`. The time between is `seconds_of_sending` plus `paused_for_quiet` plus `between_stages`, the waits
    between the stages of the campaign with any quiet hours in them, all in seconds. `delays_others`
    counts the more urgent messages for which the reserved part of the allowance is not enough. Each takes a slot from
    the campaign, and may wait for it as long as the campaign's pace is.
    """

    messages: int
    starts_at: datetime
    ends_at: datetime
    seconds_of_sending: float
    paused_for_quiet: float
    delays_others: int
    cost_by_category: Mapping[str, Decimal]
    between_stages: float = 0.0


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
    """Forecast a campaign at the limiter's even pace, whose windows are longer than the allowance's (`with_margin`).

    Only marketing leaves the reserved part to others and pauses in quiet hours. `others` are the due times of more
    urgent messages of the lane; one in quiet hours counts at their end. Without an allowance all messages are sent at
    once. Bursts, pauses after HTTP 429 and messages that are still unknown are not part of the forecast.

    Raises Invalid for a naive time, and for a campaign that takes more than a year.
    """
    with field_path("starts_at"):
        starts_at = to_utc(starts_at)
    quiet = quiet_hours if category == "marketing" else None
    first = _end_of_quiet(starts_at.timestamp(), quiet)
    slots, pace, taken = max(0, messages - 1), 0.0, iter(list[float]())
    if allowance and messages:
        window, lane_pace = with_margin(allowance.window), _pace(allowance, allowance.count)
        pace = _pace(allowance, allowance.count - allowance.reserved) if category == "marketing" else lane_pace
        due = sorted(max(first, _end_of_quiet(other.timestamp(), quiet_hours)) for other in others)
        taken = _taken_slots(due, lane_pace, round(window / lane_pace - window / pace), window)
    last, delayed = _last_slot(first, slots, pace, taken, quiet)
    sending = (slots + delayed) * pace
    paused = round(max(0.0, last - first - sending), 3)
    return Rehearsal(messages, _utc(first), _utc(last), sending, paused, delayed, cost_by_category or {})


def _pace(allowance: Allowance, count: int) -> float:
    """Return the seconds from one message to the next."""
    return max(with_margin(allowance.window) / count, with_margin(allowance.gap) if allowance.gap else 0.0)


def _taken_slots(due: Iterable[float], lane_pace: float, reserved: int, window: float) -> Iterator[float]:
    """Yield the times at which other messages take a slot from the campaign.

    They are sent at the lane's pace; `reserved` of them in a window take none.
    """
    latest_reserved = deque([-math.inf] * reserved, maxlen=reserved)
    slot = -math.inf
    for at in due:
        slot = max(at, slot + lane_pace)
        if reserved and slot >= latest_reserved[0] + window:
            latest_reserved.append(slot)
        else:
            yield slot


def _last_slot(
    first: float, slots: float, pace: float, taken: Iterator[float], quiet: QuietHours | None
) -> tuple[float, int]:
    """Return the time of the campaign's last slot, and how many slots others took until then."""
    delayed, other = 0, next(taken, math.inf)
    for begin, end in _sending_hours(first, quiet):
        while other <= begin + slots * pace:
            slots, delayed, other = slots + 1, delayed + 1, next(taken, math.inf)
        last = begin + slots * pace
        if min(last, end) > first + _LONGEST:
            break
        if last < end:
            return _end_of_quiet(last, quiet), delayed  # quiet hours can return in the night of a clock change
        slots -= (end - begin) / pace
    raise Invalid("allowance", "is too small for this campaign: it would take more than a year")


def _sending_hours(at: float, quiet: QuietHours | None) -> Iterator[tuple[float, float]]:
    """Yield begin and end of the times outside quiet hours, the first from `at`, which is outside of them."""
    while quiet:
        end = at + quiet.seconds_until(_utc(at))
        yield at, end
        at = _end_of_quiet(end, quiet)
    yield at, math.inf


def _end_of_quiet(at: float, quiet: QuietHours | None) -> float:
    """Return the end of the quiet hours that contain `at`, or `at` itself outside quiet hours."""
    return at + (quiet.seconds_left(_utc(at)) or 0.0 if quiet else 0.0)


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
