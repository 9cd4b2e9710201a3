"""Validate the arguments of an envelope that are no fields of one type: its messages, its deadline and its fallback."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from harkara.errors import Invalid
from harkara.messages.model import RawMessage
from harkara.messages.parse import Message
from harkara.messages.template import Template
from harkara.messages.validation import require_list, type_measure

# Chat Mitra documents no limit; these are Harkara's.
_MAX_MESSAGES = 10
_KINDS = (RawMessage, Template)
_MAX_VALIDITY = timedelta(days=3_650)


def validate_messages(messages: Sequence[Message]) -> tuple[Message, ...]:
    if not 1 <= len(require_list(messages, "messages")) <= _MAX_MESSAGES:
        raise Invalid("messages", f"1 to {_MAX_MESSAGES} messages", f"this has {len(messages)}")
    for position, item in enumerate(messages):
        if not isinstance(item, _KINDS):
            raise Invalid(f"messages[{position}]", "must be a message such as Text or Template", type_measure(item))
    return tuple(messages)


def split_deadline(expires: datetime | timedelta | str | None) -> tuple[datetime | str | None, timedelta | None]:
    """Return the deadline as a moment or as a time. Raises Invalid for a time that is over at once."""
    if not isinstance(expires, timedelta):
        return expires, None
    if not timedelta() < expires <= _MAX_VALIDITY:
        days = _MAX_VALIDITY.days
        raise Invalid("expires", f"must be longer than 0 s, at most {days:,} days", f"this is {expires}")
    return None, expires


def validate_fallback(fallback: object, messages: Sequence[Message]) -> Template | None:
    """Return a fallback that is a template, for messages of which at least one is not. Raises Invalid otherwise."""
    if fallback is None:
        return None
    if not isinstance(fallback, Template):
        raise Invalid(
            "fallback",
            "must be a Template: WhatsApp delivers nothing else outside the 24-hour window",
            type_measure(fallback),
        )
    if not any(isinstance(message, RawMessage) for message in messages):
        raise Invalid("fallback", "is for messages that a closed 24-hour window stops; a template needs no fallback")
    return fallback
