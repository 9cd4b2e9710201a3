"""Single values out of foreign JSON: each is exactly what it should be, or None."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

LONGEST_TEXT = 4_096
LONGEST_ID = 256

_NUMBER = re.compile(r"\+?([0-9][0-9 ().-]*)(?:@.*)?", re.DOTALL)
_SHORTEST_NUMBER, _LONGEST_NUMBER = 7, 15
_NUMERIC = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

_MILLISECONDS_FROM = 1e11
"""As seconds this is the year 5138, as milliseconds 1973: so larger numbers are milliseconds."""
_WHATSAPP_BEGAN = datetime(2009, 1, 1, tzinfo=UTC)


def text(value: object) -> str | None:
    """A text that is not blank, without what a database refuses (NUL, half characters), cut at WhatsApp's limit."""
    if not isinstance(value, str) or not value.strip():
        return None
    return storable(value)[:LONGEST_TEXT] or None


def name(value: object) -> str | None:
    """An id. One that is too long is none rather than half of one, which might be another's."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    said = str(value)
    return said if said and len(said) <= LONGEST_ID and said.isprintable() and not said.isspace() else None


def number(value: object) -> str | None:
    """The digits of a phone number; events punctuate them differently, some add `@c.us` (field reports)."""
    if not isinstance(value, str | int) or isinstance(value, bool):
        return None
    found = _NUMBER.fullmatch(str(value).strip())
    digits = re.sub(r"[^0-9]", "", found[1]).lstrip("0") if found else ""
    return digits if _SHORTEST_NUMBER <= len(digits) <= _LONGEST_NUMBER else None


def moment(value: object, received_at: datetime) -> datetime:
    """When it happened, in UTC: seconds or milliseconds since 1970, or ISO 8601; without a zone it is UTC.

    What is none of these happened when we heard of it, and nothing happened later than that: a time in the future
    would keep a 24-hour window open for too long. Chat Mitra's is in whole seconds (field reports).
    """
    at = _moment(value)
    return received_at if at is None or at < _WHATSAPP_BEGAN else min(at, received_at)


def _moment(value: object) -> datetime | None:
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


def canonical(value: Any) -> bytes:
    """The same bytes for the same JSON, whatever the order of its keys; 18.0 is 18, as JavaScript writes it."""
    return json.dumps(_integral(value), sort_keys=True, separators=(",", ":")).encode()


def _integral(value: object) -> object:
    match value:
        case dict():
            return {name: _integral(inner) for name, inner in value.items()}
        case list():
            return [_integral(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
    return value


def outline(body: str) -> str:
    """The form of some JSON: which fields it has and what kind of value each holds, and nothing of what they say."""
    return canonical(_outline(json.loads(body))).decode()


def _outline(value: object) -> object:
    if isinstance(value, dict):
        return {name: _outline(inner) for name, inner in value.items()}
    return [_outline(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def digest(*parts: str | bytes) -> str:
    """32 hexadecimal digits; from them nobody reads a number, which WhatsApp's message ids contain."""
    whole = blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "replace")
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()


def storable(text: str) -> str:
    """Foreign text without what a database refuses, NUL and half characters: else its outcome would be lost with it."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
