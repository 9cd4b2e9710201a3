"""Validate what concerns no field alone: the messages of an envelope, its deadline, its fallback and their contents."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from harkara.errors import Invalid
from harkara.messages.link_expiry import check_link
from harkara.messages.model import RawMessage
from harkara.messages.parse import Message
from harkara.messages.template import Template
from harkara.messages.validation import field_path, handed_over, require_list, type_measure

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


def check_placeholders(
    messages: Sequence[Message], fallback: Template | None, alt_texts: Collection[str] | None, name: str | None
) -> None:
    """Raise Invalid if a placeholder has no value, in `alt_texts` or as the customer's `name`."""
    for position, message in enumerate(_contents(messages, fallback)):
        for path, placeholder in message.placeholders():
            if placeholder not in (alt_texts or ()) and not (placeholder == "$name" and name):
                rule = "has a $placeholder without a value; give it one in alt_texts, or customer_name for $name"
                raise Invalid(f"{_place(messages, position)}.{path}", rule)


def check_links(messages: Sequence[Message], fallback: Template | None, at: datetime | None) -> None:
    """Raise Invalid if a link ends before it is of use to a message that is sent `at` that time; None is now."""
    for position, message in enumerate(_contents(messages, fallback)):
        for field, link in message.links():
            if "?" in link and not handed_over():  # only a signed link has an end
                with field_path(f"{_place(messages, position)}.{field}"):
                    check_link(link, at)


def _contents(messages: Sequence[Message], fallback: Template | None) -> Sequence[Message]:
    return messages if fallback is None else (*messages, fallback)


def _place(messages: Sequence[Message], position: int) -> str:
    """Return the field of the message at this position; the fallback follows the others."""
    return f"messages[{position}]" if position < len(messages) else "fallback"
