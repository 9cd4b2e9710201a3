"""The hours in which people of the business answer, and when they are back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from harkara.times import parse_clock

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SEARCHED = 366
"""Days within which people must be back; a deployment without an open day says nothing."""


def _period(value: Any) -> Any:
    """Return `10:00-19:00` as minutes since midnight."""
    if not isinstance(value, str):
        return value
    start, _, end = value.partition("-")
    try:
        return _minutes(start), _minutes(end)
    except ValueError:
        raise ValueError("must be a period such as 10:00-19:00") from None


def _minutes(text: str) -> int:
    if text.strip() == "24:00":
        return 24 * 60
    at = parse_clock(text.strip())
    return at.hour * 60 + at.minute


def _in_order(period: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= period[0] < period[1] <= 24 * 60:
        raise ValueError("must end later than it begins; write a night as two periods, 20:00-24:00 and 00:00-06:00")
    return period


Period = Annotated[tuple[int, int], BeforeValidator(_period), AfterValidator(_in_order)]
Periods = tuple[Period, ...]


class BusinessHours(BaseModel):
    """Local periods of each day of the week. Without any, people always answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    monday: Periods = ()
    tuesday: Periods = ()
    wednesday: Periods = ()
    thursday: Periods = ()
    friday: Periods = ()
    saturday: Periods = ()
    sunday: Periods = ()
    holidays: tuple[date, ...] = ()

    def of(self, day: date) -> Periods:
        """Return the periods of a day, earliest first."""
        if day in self.holidays:
            return ()
        periods: Periods = getattr(self, _DAYS[day.weekday()])
        return tuple(sorted(periods))

    def back_at(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Return the local time at which people are back; None while they are there, or if there are no hours."""
        if not any(getattr(self, day) for day in _DAYS):
            return None
        local = now.astimezone(zone)
        minute = local.hour * 60 + local.minute
        if any(start <= minute < end for start, end in self.of(local.date())):
            return None
        return next((begin.astimezone(zone) for begin in self._begins(local.date(), zone) if begin > now), None)

    def _begins(self, first: date, zone: tzinfo) -> Iterator[datetime]:
        """Yield in UTC when each period begins; one in the hour that clocks repeat begins twice."""
        for day in (first + timedelta(days=after) for after in range(_SEARCHED)):
            for start, _ in self.of(day):
                begin = datetime.combine(day, time(start // 60, start % 60), zone)
                yield from sorted({begin.replace(fold=again).astimezone(UTC) for again in (0, 1)})
