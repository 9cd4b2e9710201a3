"""Parse the items of `messages` in Chat Mitra's request into message objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harkara.errors import Invalid
from harkara.messages.contact_cards import Contacts
from harkara.messages.interactive import Buttons, ListMessage, read_interactive
from harkara.messages.location import Location
from harkara.messages.media import Audio, Document, Image, Sticker, Video
from harkara.messages.reaction import Reaction
from harkara.messages.template import Template
from harkara.messages.text import Text
from harkara.messages.validation import field_path, require_object

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

# A payload copied from a Cloud API request has these keys. They repeat what the request already says.
_IGNORED = ("messaging_product", "to")


def parse_item(item: dict[str, Any]) -> Message:
    """Parse an item as `wire()` writes it. Raises Invalid with the path of the field and the rule."""
    match item.get("kind") if isinstance(item, dict) else None:
        case "raw":
            payload = require_object(item, {"kind", "payload"}).get("payload")
            with field_path("payload"):
                return _parse_payload(payload)
        case "template":
            template = require_object(item, {"kind", "template"}).get("template")
            with field_path("template"):
                return Template.read(template)
        case _:
            raise Invalid("kind", "must be raw or template")


def _parse_payload(payload: object) -> Message:
    kind = payload.get("type") if isinstance(payload, dict) else None
    if not isinstance(kind, str) or kind not in _READERS:
        raise Invalid("type", f"must be one of {', '.join(_READERS)}")
    content = require_object(payload, {"type", kind, *_IGNORED}).get(kind)
    with field_path(kind):
        return _READERS[kind](content)
