"""Reads the items of `messages` in Chat Mitra's request back into messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harkara.errors import Invalid
from harkara.messages.contacts import Contacts
from harkara.messages.interactive import Buttons, ListMessage, read_interactive
from harkara.messages.media import Audio, Document, Image, Sticker, Video
from harkara.messages.part import closed, under
from harkara.messages.simple import Location, Reaction, Text
from harkara.messages.template import Template

Message = (
    Text
    | Image
    | Video
    | Audio
    | Document
    | Sticker
    | Location
    | Contacts
    | Reaction
    | Buttons
    | ListMessage
    | Template
)

_READERS: dict[str, Callable[[object], Message]] = {
    "text": Text.read,
    "image": Image.read,
    "video": Video.read,
    "audio": Audio.read,
    "document": Document.read,
    "sticker": Sticker.read,
    "location": Location.read,
    "contacts": Contacts.read,
    "reaction": Reaction.read,
    "interactive": read_interactive,
}

# A payload copied from the Cloud API brings these along; they say nothing that the request does not.
_IGNORED = ("messaging_product", "to")


def parse_item(item: dict[str, Any]) -> Message:
    """Reads what `wire()` writes; raises Invalid with the path of the field, its rule and a measure."""
    match item.get("kind") if isinstance(item, dict) else None:
        case "raw":
            payload = closed(item, {"kind", "payload"}).get("payload")
            with under("payload"):
                return _parse_payload(payload)
        case "template":
            template = closed(item, {"kind", "template"}).get("template")
            with under("template"):
                return Template.read(template)
        case _:
            raise Invalid("kind", "must be raw or template")


def _parse_payload(payload: object) -> Message:
    kind = payload.get("type") if isinstance(payload, dict) else None
    if not isinstance(kind, str) or kind not in _READERS:
        raise Invalid("type", f"must be one of {', '.join(_READERS)}")
    content = closed(payload, {"type", kind, *_IGNORED}).get(kind)
    with under(kind):
        return _READERS[kind](content)
