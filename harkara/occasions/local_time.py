"""The whole day as the time of an occasion, and the span that an occasion takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from harkara.errors import Invalid
from harkara.times import resolve

_DAY = timedelta(days=1)

WHOLE_DAY = time.max
"""The local time that stands for a whole day: its last microsecond, the `endOf('day')` of date libraries.

Every process that stores, passes on or compares the time of an occasion has the day with it. A release that does not
know whole days counts the days of its rules correctly from it, too.
"""


def whole_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the time in UTC that stands for this day. Raises Invalid for a day that the zone skipped."""
    moment = resolve(day, WHOLE_DAY, zone)
    if day_of(moment, zone) != day:
        raise Invalid("at", "is a day that this time zone skipped")
    return moment


def day_of(at: datetime, zone: ZoneInfo) -> date | None:
    """Return the day that `at` stands for, or None for a time of the day."""
    local = at.astimezone(zone)
    return local.date() if local.time() == WHOLE_DAY else None


@dataclass(frozen=True, slots=True)
class Span:
    """A moment, or a whole local day up to the midnight at its end. `start` and `end` are in UTC."""

    start: datetime
    end: datetime
    day: date
    """The local date of the start."""

    @classmethod
    def from_at(cls, at: datetime, zone: ZoneInfo) -> Self:
        """Return the span of an occasion with this time."""
        at = at.astimezone(UTC)
        day = day_of(at, zone)
        if day is None:
            return cls(at, at, at.astimezone(zone).date())
        return cls(resolve(day, time(), zone), resolve(day + _DAY, time(), zone), day)
