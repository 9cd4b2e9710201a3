"""Parse single values of Chat Mitra's webhooks: each result is exactly what the field must hold, or None."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from harkara.people.names import is_user_id
from harkara.people.printable import is_printable

LONGEST_ID = 256
"""Characters."""

_NUMBER = re.compile(r"\+?([0-9][0-9 ().-]*)")
_ADDRESS = re.compile(r"\+?([0-9][0-9 ()-]*)(?:[._][0-9]+)?(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net)", re.IGNORECASE)
"""A number as WhatsApp addresses it; behind the number may stand the agent and the device that sent a message."""

_SHORTEST_NUMBER, _LONGEST_NUMBER = 7, 15
_NUMERIC = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

_MILLISECONDS_FROM = 1e11
"""Larger numbers are milliseconds: as seconds this is the year 5138, as milliseconds 1973."""

_WHATSAPP_LAUNCH = datetime(2009, 1, 1, tzinfo=UTC)


def parse_id(value: object) -> str | None:
    """Parse an id. One that is too long gives None: half of it might be the id of another message."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    found = str(value)
    return found if found and len(found) <= LONGEST_ID and is_printable(found) and not found.isspace() else None


def parse_phone_number(value: object) -> str | None:
    """Return the digits of a phone number; events punctuate them differently, some add `@c.us` (field reports).

    Of WhatsApp's addresses only those at `c.us` and `s.whatsapp.net` are numbers. The digits before `@lid` are an
    identifier of another kind, those before `@g.us`, `@newsletter` and `@broadcast` no person's.
    """
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    written = str(value).strip()
    found = (_ADDRESS if "@" in written else _NUMBER).fullmatch(written)
    digits = re.sub(r"[^0-9]", "", found[1]).lstrip("0") if found else ""
    return digits if _SHORTEST_NUMBER <= len(digits) <= _LONGEST_NUMBER else None


def parse_user_id(value: object) -> str | None:
    """Return a business-scoped user id, which identifies a person whose number may be hidden."""
    found = value.strip() if isinstance(value, str) else ""
    return found if is_user_id(found) else None


def parse_time(value: object, received_at: datetime) -> datetime:
    """Parse a time, in UTC: seconds or milliseconds since 1970, or ISO 8601, which is UTC without a zone.

    Anything else counts as `received_at`, and so does a later time: a time in the future would keep a 24-hour window
    open too long. Chat Mitra's times are in whole seconds (field reports).
    """
    at = _parse_time(value)
    return received_at if at is None or at < _WHATSAPP_LAUNCH else min(at, received_at)


def _parse_time(value: object) -> datetime | None:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        if isinstance(value, str) and not _NUMERIC.fullmatch(value.strip()):
            at = datetime.fromisoformat(value.strip())
            return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS_FROM else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
