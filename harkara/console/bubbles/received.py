"""Bubbles of what customers send, in every shape that a webhook is known to have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harkara.console.bubbles.bubble import Card, FileLabel, MessageBubble, Place
from harkara.console.bubbles.media import name_of_link
from harkara.console.bubbles.sent import reaction
from harkara.console.languages import N_
from harkara.inbound.normalization import storable

TAP = N_("Tapped")
FORM = N_("Filled in a form")
ORDER = N_("Ordered from the catalog")
EDITED = N_("Changed an earlier message")
DELETED = N_("Deleted an earlier message")
OTHER = N_("Sent something that has no text:")

_MEDIA = ("image", "video", "audio", "document", "sticker")
_CHANGES = {
    **dict.fromkeys(("edit", "edited"), EDITED),
    **dict.fromkeys(("revoke", "revoked", "delete", "deleted"), DELETED),
}


def bubble_of_received(kind: str, content: Mapping[str, Any], text: str | None = None) -> MessageBubble:
    """Return the bubble of a customer's message: its kind, what came, and its text, caption or the title of a tap.

    They are those of `MessageReceived`. Content of any shape gives a bubble, since customers and their apps write it.
    """
    body = text or ""
    if kind in _CHANGES:
        return MessageBubble(note=_CHANGES[kind], body=body)
    if kind in _MEDIA:
        return MessageBubble(medium=FileLabel(kind, _file_name(content.get(kind))), body=body)
    return _without_text(kind, content) or _with_text(kind, body)


def _with_text(kind: str, text: str) -> MessageBubble:
    if kind in ("interactive", "button") and text:
        return MessageBubble(note=TAP, body=text)
    return MessageBubble(body=text) if text else MessageBubble(note=OTHER, body=kind)


def _without_text(kind: str, content: Mapping[str, Any]) -> MessageBubble | None:
    match content:
        case {"location": {"latitude": int() | float() as north, "longitude": int() | float() as east, **rest}}:
            return MessageBubble(place=Place(f"{north}, {east}", _text(rest.get("name")), _text(rest.get("address"))))
        case {"contacts": [*contacts]}:
            return MessageBubble(cards=tuple(_cards(contacts)))
        case {"reaction": {"emoji": str(emoji)}} | {"emoji": str(emoji)}:
            return reaction("" if kind == "reaction_removed" else emoji)
        case {"interactive": {"nfm_reply": {"response_json": str(response)}}}:
            return MessageBubble(note=FORM, body=_answers(response))
        case {"order": {"product_items": [*items]}}:
            return MessageBubble(note=ORDER, body="\n".join(_items(items)))
    return None


def _file_name(medium: object) -> str:
    found = medium if isinstance(medium, Mapping) else {}
    link = _text(found.get("link")) or _text(found.get("url")) or ""
    return _text(found.get("filename")) or name_of_link(link)


def _cards(contacts: list[Any]) -> Iterator[Card]:
    for contact in contacts:
        match contact:
            case {"name": {"formatted_name": str(name)}, **others}:
                yield Card(name, tuple(_numbers(others.get("phones"))))


def _numbers(phones: object) -> Iterator[str]:
    for phone in phones if isinstance(phones, list) else ():
        if isinstance(phone, Mapping) and isinstance(number := phone.get("phone"), str):
            yield "+" + "".join(filter(str.isdecimal, number))


def _answers(response: str) -> str:
    """Return a line for each field of a form."""
    try:
        fields = json.loads(response)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, Mapping):
        return ""
    return storable("\n".join(f"{name}: {value}" for name, value in fields.items() if name != "flow_token"))


def _items(items: list[Any]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Mapping):
            yield f"{item.get('quantity', 1)} × {item.get('product_retailer_id', '?')}"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
