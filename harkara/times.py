"""The times that a caller gives, and the one rule for those without a time zone.

A time has its offset, or it is local to the zone that stands beside it: the zone of an occasion, or of an imported
file. Where none stands beside it, a time without an offset is refused, since its hour is unknown.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from harkara.errors import Invalid

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""The bounds of every time that a caller gives.

Times outside are placeholders of other systems, such as year 1 (Go, .NET) and the end of year 9999, and arithmetic with
them overflows.
"""

_MINUTE = timedelta(minutes=1)

_DATE = r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d-\d|\d{4}W\d{3}"
_CLOCK = r"\d\d(?::\d\d(?::\d\d(?:[.,]\d+)?)?|\d\d(?:\d\d(?:[.,]\d+)?)?)?"
_OFFSET = r" ?(?:Z|[+-]\d\d(?::?\d\d)?)"
_ISO_8601 = re.compile(rf"(?:{_DATE})(?P<clock>[T ](?:{_CLOCK})(?:{_OFFSET})?)?", re.ASCII)


def to_utc(value: object, zone: ZoneInfo | None = None) -> datetime:
    """Convert a datetime, or its text in ISO 8601, to UTC. A time without an offset is local to `zone`.

    Raises Invalid for one without an offset and without a `zone`, for another type, and for one outside of EARLIEST and
    LATEST. Its field is empty: the caller names it.
    """
    moment = _parse(value, zone) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise Invalid("", "must be a datetime", f"this is of type {type(value).__name__}")
    if moment.utcoffset() is not None:
        return bounded(moment)
    if zone is None:
        raise Invalid("", "has no time zone; add one, such as tzinfo=ZoneInfo('Asia/Kolkata') or +05:30")
    try:
        return bounded(resolve(moment.date(), moment.time(), zone))
    except OverflowError:
        return bounded(moment.replace(tzinfo=UTC))  # at the edge of the calendar, which is refused


def bounded(moment: datetime) -> datetime:
    """Return an aware time in UTC. Raises Invalid for one outside of EARLIEST and LATEST."""
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        in_utc = None
    if in_utc is None or not EARLIEST <= in_utc < LATEST:
        raise Invalid("", "must lie in the years 2000 to 2199", f"this is in the year {moment.year}")
    return in_utc


def clamped(moment: datetime) -> datetime:
    """Return the nearest time within the bounds, for what must not be refused because of its time."""
    if EARLIEST.year <= moment.year < LATEST.year:
        return moment
    return EARLIEST if moment.year < EARLIEST.year else LATEST - timedelta(seconds=1)


def resolve(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return a local time in UTC.

    Of two moments with this local time it is the first. For a local time that the clock skips it is the end of the gap.
    """
    local = datetime.combine(day, clock, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone) != local:  # within one zone, == compares local times: the clock never shows `local`
        moment = moment.replace(second=0, microsecond=0)
        offset = moment.astimezone(zone).utcoffset()
        while (moment - _MINUTE).astimezone(zone).utcoffset() == offset:
            moment -= _MINUTE
    return moment


def parse_iso(text: str) -> date:
    """Parse a time in ISO 8601, or a date without one. Raises ValueError.

    `fromisoformat` alone would read `2026-11-24 10.30` as 10:00 and a fraction of a second, the offset of
    `2026-11-24+05:30` as its time, and `2026112410` as a date.
    """
    found = _ISO_8601.fullmatch(text)
    if not found:
        raise ValueError(text)
    return datetime.fromisoformat(text) if found["clock"] else date.fromisoformat(text)


def parse_clock(text: str) -> time:
    """Parse a time of the day such as `20:00`. Raises ValueError, also for `20.30`, which Python reads as 20:00."""
    clock = time.fromisoformat(text)
    if clock.microsecond or clock.tzinfo:
        raise ValueError(text)
    return clock


def _parse(text: str, zone: ZoneInfo | None) -> datetime:
    try:
        moment = parse_iso(text)
        return moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    except ValueError:
        local = ", or without +05:30 if it is local" if zone else ""
        raise Invalid("", f"must be a time in ISO 8601, such as 2026-11-24T09:00:00+05:30{local}") from None
