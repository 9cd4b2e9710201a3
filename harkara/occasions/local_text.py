"""Dates, times and durations as texts for a customer, in the language of the template."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.dates import format_date, format_time, format_timedelta

_HOUR = timedelta(hours=1)
_ANY = 10**6
"""The threshold with which Babel never changes to a larger unit."""


@lru_cache(1024)
def locale_of(language: str, zone: str) -> Locale:
    """Return the locale of a template's language such as `hi` or `en_US`.

    The country of a language without one is that of the time zone: `en` in Asia/Kolkata is Indian English. A language
    that CLDR does not know is English.
    """
    code, _, territory = language.partition("_")
    territory = territory or get_global("zone_territories").get(zone) or ""
    for candidate in (f"{code}_{territory}", code, f"en_{territory}"):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en")


def date_text(day: date, locale: Locale) -> str:
    """Return a date such as `24 November 2026`."""
    return _plain(format_date(day, "long", locale=locale))


def time_text(clock: time, locale: Locale) -> str:
    """Return a time of the day such as `10:30 AM`."""
    return _plain(format_time(clock, "short", locale=locale))


def duration_text(duration: timedelta, locale: Locale) -> str:
    """Return a duration in whole days, or below one day in hours, or below one hour in minutes, such as `3 days`."""
    unit: Literal["day", "hour", "minute"] = "day" if duration.days else "hour" if duration >= _HOUR else "minute"
    return _plain(format_timedelta(duration, granularity=unit, threshold=_ANY, locale=locale))


def _plain(text: str) -> str:
    """Replace the narrow and no-break spaces of CLDR, which old phones show as boxes."""
    return " ".join(text.split())
