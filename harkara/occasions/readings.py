"""Reads the dates and times that applications write into parameters, as far as they have one meaning.

A text that is not understood completely has no reading: a range, "tomorrow", or a time with words around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from functools import cache
from typing import NamedTuple

from babel import Locale

from harkara.occasions.durations import normalize

_SEPARATORS = re.compile(r"[\s,./\-\u2010-\u2015]+")
_NUMBER = re.compile(r"(\d{1,4})(?:st|nd|rd|th)?")
_FILLERS = frozenset({"of", "on", "the", "de", "del"})
_CLOCK = re.compile(r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2})(?:[:.]\d{2})?)? ?(?P<mark>[^\d\s].*)?")
_HOURS = frozenset({"h", "hr", "hrs", "hours", "uhr"})
_NAMED_TIMES = {"noon": time(12), "midday": time(12), "midnight": time(0)}


class DateReading(NamedTuple):
    """A day without a year matches in every year."""

    month: int
    day: int
    year: int | None = None

    def matches(self, day: date) -> bool:
        return (self.month, self.day) == (day.month, day.day) and self.year in (None, day.year)


def is_other_date(text: str, day: date, locale: Locale) -> bool:
    """Return whether the text is a date or a weekday, and in no reading this day."""
    words = [word for word in _SEPARATORS.split(normalize(text)) if word and word not in _FILLERS]
    names = _names(str(locale))
    weekdays = [names.weekdays[word] for word in words if word in names.weekdays]
    rest = [word for word in words if word not in names.weekdays]
    readings = list(_dates(rest, names.months))
    if not readings and (rest or not weekdays):
        return False
    wrong_weekday = any(each != day.weekday() for each in weekdays)
    return wrong_weekday or bool(readings and not any(each.matches(day) for each in readings))


def is_other_time(text: str, clock: time, locale: Locale) -> bool:
    """Return whether the text is a time of the day, and in no reading this one."""
    readings = _times(normalize(text), _names(str(locale)))
    return bool(readings) and (clock.hour, clock.minute) not in {(each.hour, each.minute) for each in readings}


class _Names(NamedTuple):
    months: dict[str, int]
    weekdays: dict[str, int]
    """From 0 for Monday."""
    morning: frozenset[str]
    afternoon: frozenset[str]


@cache
def _names(identifier: str) -> _Names:
    """Return the names in English and in the language of the locale."""
    locales = [Locale.parse("en"), Locale.parse(identifier)]
    periods = [each.day_periods[context][width] for each in locales for context, width in _periods(each)]
    return _Names(
        {normalize(name).strip("."): number for name, number in _calendar(locales, "months")},
        {normalize(name).strip("."): number for name, number in _calendar(locales, "days")},
        frozenset({_letters(each["am"]) for each in periods if "am" in each} | {"am"}),
        frozenset({_letters(each["pm"]) for each in periods if "pm" in each} | {"pm"}),
    )


def _calendar(locales: Sequence[Locale], kind: str) -> Iterator[tuple[str, int]]:
    for locale in locales:
        for contexts in getattr(locale, kind).values():
            for width in ("wide", "abbreviated"):
                yield from ((name, number) for number, name in contexts.get(width, {}).items())


def _periods(locale: Locale) -> Iterator[tuple[str, str]]:
    for context, widths in locale.day_periods.items():
        yield from ((context, width) for width in widths if width != "narrow")


def _dates(words: Sequence[str], months: dict[str, int]) -> Iterator[DateReading]:
    named = [position for position, word in enumerate(words) if word in months]
    numbers = [(position, int(found[1])) for position, word in enumerate(words) if (found := _NUMBER.fullmatch(word))]
    if len(named) + len(numbers) != len(words) or len(named) > 1:
        return
    readings = _with_name(words, named[0], months, numbers) if named else _in_numbers([each for _, each in numbers])
    for month, day, year in readings:
        if 1 <= month <= 12 and 1 <= day <= 31:
            yield DateReading(month, day, year)


def _with_name(
    words: Sequence[str], named: int, months: dict[str, int], numbers: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int, int | None]]:
    month = months[words[named]]
    match numbers:
        case [(_, day)]:
            yield month, day, None
        case [(_, day), (_, year)] if year > 999:
            yield month, day, year
        case [(_, year), (_, day)] if year > 999:
            yield month, day, year
        case [(before, day), (after, year)] if before < named < after:
            yield month, day, 2000 + year


def _in_numbers(numbers: Sequence[int]) -> Iterator[tuple[int, int, int | None]]:
    match numbers:
        case [year, month, day] if year > 999:
            yield month, day, year
        case [first, second, year]:
            full = year if year > 99 else 2000 + year
            yield from ((second, first, full), (first, second, full))
        case [first, second]:
            yield from ((second, first, None), (first, second, None))


def _times(text: str, names: _Names) -> list[time]:
    if text in _NAMED_TIMES:
        return [_NAMED_TIMES[text]]
    found = _CLOCK.fullmatch(text)
    if not found:
        return []
    hour, minute, mark = int(found["hour"]), int(found["minute"] or 0), _letters(found["mark"] or "")
    half = mark in names.morning or mark in names.afternoon
    if (mark and not half and mark not in _HOURS) or not (half or found["minute"]) or hour > 23 or minute > 59:
        return []
    if half and hour <= 12:
        return [time(hour % 12 + (12 if mark in names.afternoon else 0), minute)]
    either = not mark and 1 <= hour <= 12 and not found["hour"].startswith("0")  # 4:00 may mean the afternoon
    return [time(hour, minute), time((hour + 12) % 24, minute)] if either else [time(hour, minute)]


def _letters(text: str) -> str:
    return normalize(text).replace(".", "").replace(" ", "")
