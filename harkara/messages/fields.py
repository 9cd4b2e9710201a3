"""Types of the fields that an envelope has beside its messages: ids, names, references and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, PlainValidator

from harkara.errors import Invalid
from harkara.messages.text_rules import PLACEHOLDER, validate_parameter
from harkara.messages.validation import field_path, type_measure

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""The bounds of every time that a caller gives.

Times outside are placeholders of other systems, such as year 1 (Go, .NET) and the end of year 9999, and arithmetic with
them overflows.
"""

_ID = re.compile(r"job_[0-9a-f]{32}")
_SHORT_NAME = re.compile(r"[a-z0-9_-]{1,40}")


def _validate_id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise Invalid("", "must be job_ and 32 hexadecimal digits")
    return value


def validate_short_name(value: str) -> str:
    if not _SHORT_NAME.fullmatch(value):
        raise Invalid("", "1 to 40 of a-z, 0-9, _ and -", f"this has {len(value):,} characters")
    return value


def _validate_reference(value: str) -> str:
    if not 1 <= len(value) <= 200 or not value.isprintable():
        raise Invalid("", "1 to 200 printable characters", f"this has {len(value):,}")
    return value


def _validate_customer_name(value: str) -> str:
    return validate_parameter(value) if value else value


def _validate_alt_texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Invalid("", "must be an object such as {'$name': 'Guest'}", type_measure(value))
    for key, text in value.items():
        if not isinstance(key, str) or not PLACEHOLDER.fullmatch(key):
            raise Invalid("", "every key must be a $ and a name, such as $name")
        if not isinstance(text, str):
            raise Invalid(key, "must be text", type_measure(text))
        with field_path(key):
            validate_parameter(text)
    return dict(value)


def _to_utc(value: object) -> datetime:
    """Convert an aware datetime, or ISO 8601 text with an offset, to UTC."""
    moment = _parse(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise Invalid("", "must be a datetime", type_measure(value))
    if moment.utcoffset() is None:
        raise Invalid("", "has no time zone; add one, such as tzinfo=ZoneInfo('Asia/Kolkata') or +05:30")
    return bounded(moment)


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


def _parse(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid("", "must be a time in ISO 8601, such as 2026-11-24T09:00:00+05:30") from None


Id = Annotated[str, AfterValidator(_validate_id)]
ShortName = Annotated[str, AfterValidator(validate_short_name)]
Reference = Annotated[str, AfterValidator(_validate_reference)]
CustomerName = Annotated[str, AfterValidator(_validate_customer_name)]
AltTexts = Annotated[dict[str, str], PlainValidator(_validate_alt_texts)]
Time = Annotated[datetime, PlainValidator(_to_utc)]
