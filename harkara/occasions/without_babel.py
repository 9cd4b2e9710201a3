"""What a client without Babel says of dates and times: enough to validate an occasion, in English.

The worker that applies the occasion has Babel. It writes the texts that customers read, and replaces the application's
own text where that contradicts the occasion's time.
"""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


def locale_of(language: str, zone: str) -> Any:
    return None


def date_text(day: date, locale: Any) -> str:
    return f"{day:%d %B %Y}"


def time_text(clock: time, locale: Any) -> str:
    return f"{clock:%I:%M %p}"


def duration_text(duration: timedelta, locale: Any) -> str:
    if duration.days:
        return f"{duration.days} days"
    return f"{duration // _HOUR} hours" if duration >= _HOUR else f"{duration // _MINUTE} minutes"


def is_other_date(text: str, day: date, locale: Any) -> bool:
    return False


def is_other_time(text: str, clock: time, locale: Any) -> bool:
    return False
