"""Parse what a customer sent: words, captions, taps and everything else, where WhatsApp or Chat Mitra puts it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from harkara.inbound.normalization import clean_text

_ENVELOPE = frozenset(
    {
        *("event", "data", "direction", "timestamp", "message_id", "messageId", "wamid", "id", "job_id", "jobId"),
        *("from", "sender", "to", "recipient", "recipient_mobile_number", "recipient_id", "contact", "customer"),
    }
)

_CAPTIONED = ("image", "video", "document", "audio", "sticker")

_DELETIONS = frozenset({"revoke", "revoked", "delete", "deleted"})

NOTICES = _DELETIONS | {"edit", "edited", "system"}
"""Types that report a change instead of a new message. They open no 24-hour window, which new messages do (Meta: send
messages), reactions included. WhatsApp's names are `edit` and `revoke` (Meta: webhooks of messages)."""


def find_message(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's message: its object, its plain text, or the event itself if the fields stand there.

    A text may stand beside the object, or beside a `message` that is null.
    """
    message, beside = fields.get("message"), {"text": fields["text"]} if "text" in fields else {}
    if isinstance(message, dict):
        return {"type": "text"} | beside | message
    value = beside.get("text") if message is None else message
    if value is None and isinstance(fields.get("type"), str):
        return _without_envelope(fields)
    return {"type": "text", "text": value}


def all_content(fields: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that the customer sent: the message, and what stands beside it in the event."""
    beside = _without_envelope(fields)
    return {name: value for name, value in beside.items() if name not in ("message", "text")} | dict(message)


def kind_of(message: Mapping[str, Any]) -> str:
    value = message.get("type")
    return value if isinstance(value, str) and re.fullmatch(r"[a-z_]{1,20}", value) else "unknown"


def words_of(message: Mapping[str, Any], kind: str) -> str | None:
    """Return the text, the caption or the new text of an edit. The text of a deleted message says nothing any more."""
    if kind in _DELETIONS:
        return None
    return next(filter(None, map(clean_text, _places_of_words(message))), None)


def tap_of(message: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the id and the title of a tapped button or list row, in the fields that WhatsApp itself uses."""
    match message:
        case {"interactive": {"button_reply": dict(reply)}} | {"interactive": {"list_reply": dict(reply)}}:
            return clean_text(reply.get("id")), clean_text(reply.get("title"))
        case {"button": dict(reply)}:
            return clean_text(reply.get("payload")), clean_text(reply.get("text"))
    return None, None


def _without_envelope(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _ENVELOPE}


def _places_of_words(message: Mapping[str, Any]) -> Iterator[object]:
    text = message.get("text")
    yield text.get("body") if isinstance(text, dict) else text
    yield message.get("caption")
    yield message.get("body")
    for name in _CAPTIONED:
        if isinstance(media := message.get(name), dict):
            yield media.get("caption")
    match message:
        case {"edit": {"message": dict(edited)}}:
            yield from _places_of_words({name: value for name, value in edited.items() if name != "edit"})
