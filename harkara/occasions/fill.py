"""Parameters that follow from the occasion itself: its date, its time, the time left, the reason of its ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from harkara.occasions.durations import is_other_duration
from harkara.occasions.local_time import Span, day_of
from harkara.occasions.rules import Role
from harkara.times import resolve

if TYPE_CHECKING:
    from babel import Locale

try:
    from harkara.occasions.local_text import date_text, duration_text, locale_of, time_text
    from harkara.occasions.readings import is_other_date, is_other_time
except ModuleNotFoundError:  # of Babel: 36 MB, which only harkara[server] installs
    from harkara.occasions.without_babel import (  # type: ignore[assignment]
        date_text,
        duration_text,
        is_other_date,
        is_other_time,
        locale_of,
        time_text,
    )

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Fill:
    """What one message can say about its occasion by itself.

    `due` is when the message is sent, `language` the language of its template, `reason` that of the occasion's ending.
    With `in_days`, time left and time since are counted in days alone, so that they stay true until midnight.
    """

    at: datetime
    zone: str
    due: datetime
    language: str
    reason: str | None = None
    in_days: bool = False

    @property
    def midnight(self) -> datetime:
        """The end of the local day of `due` in UTC, at which "3 days" stops being true."""
        zone = ZoneInfo(self.zone)
        return resolve(self.due.astimezone(zone).date() + _DAY, time(), zone)

    def value(self, role: Role) -> str | None:
        """Return the text for a parameter with this role; None if the occasion does not have it.

        A whole day has no time, and an ending may have no reason.
        """
        return _VALUES[role](self)

    def contradicts(self, role: Role, text: str) -> bool:
        """Return whether the application's own text for this role certainly says something else than `at`."""
        match role:
            case "date":
                return is_other_date(text, self._local.date(), self._locale)
            case "time":
                return self._clock is not None and is_other_time(text, self._clock, self._locale)
            case "reason":
                return False
            case _:
                distance = self._left if role == "time-left" else self._since
                return is_other_duration(text, distance.days, round(distance / _HOUR))

    @property
    def shown_at(self) -> str:
        """`at` as an error shows it: ISO 8601 in the occasion's zone."""
        day = day_of(self.at, ZoneInfo(self.zone))
        return f"{day or self._local.replace(tzinfo=None):%Y-%m-%d}" + ("" if day else f" {self._local:%H:%M}")

    @cached_property
    def _locale(self) -> Locale:
        return locale_of(self.language, self.zone)

    @cached_property
    def _local(self) -> datetime:
        return self.at.astimezone(ZoneInfo(self.zone))

    @cached_property
    def _span(self) -> Span:
        return Span.from_at(self.at, ZoneInfo(self.zone))

    @property
    def _clock(self) -> time | None:
        return None if day_of(self.at, ZoneInfo(self.zone)) else self._local.time()

    @property
    def counts_days(self) -> bool:
        """Whether the time left and the time since are calendar days, or within the occasion's own day `< 1 day`.

        Otherwise they are hours: midnight alone does not make "2 hours" a day.
        """
        whole_day = self._clock is None
        far = abs(self._span.end - self.due) >= _DAY
        return self.in_days or (bool(self._days_until_due()) and (whole_day or far))

    @property
    def _left(self) -> timedelta:
        """The calendar days until the occasion, or the hours until its end."""
        return (self.counts_days and self._days_until_due() * -1) or _rounded(self._span.end - self.due)

    @property
    def _since(self) -> timedelta:
        """The calendar days since the occasion, or the hours since its end."""
        return (self.counts_days and self._days_until_due()) or _rounded(self.due - self._span.end)

    def _days_until_due(self) -> timedelta:
        due: date = self.due.astimezone(ZoneInfo(self.zone)).date()
        return due - self._span.day

    def _date(self) -> str:
        return date_text(self._local.date(), self._locale)

    def _time(self) -> str | None:
        return None if self._clock is None else time_text(self._clock, self._locale)

    def _time_left(self) -> str:
        return self._duration(self._left)

    def _time_since(self) -> str:
        return self._duration(self._since)

    def _duration(self, duration: timedelta) -> str:
        if self.in_days and not self._days_until_due():
            return f"< {duration_text(_DAY, self._locale)}"
        return duration_text(max(duration, _MINUTE), self._locale)

    def _reason(self) -> str | None:
        return self.reason


_VALUES: Final[Mapping[Role, Callable[[Fill], str | None]]] = {
    "date": Fill._date,
    "time": Fill._time,
    "time-left": Fill._time_left,
    "time-since": Fill._time_since,
    "reason": Fill._reason,
}


def _rounded(duration: timedelta) -> timedelta:
    """Round to whole hours, or below one hour to whole minutes."""
    unit = _HOUR if duration >= _HOUR else _MINUTE
    return round(duration / unit) * unit
