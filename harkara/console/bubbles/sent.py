"""Bubbles of the messages that Harkara sends: each kind has one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, assert_never

from harkara.catalogue import Catalogue
from harkara.console.bubbles.bubble import Card, Choice, Label, ListSection, MessageBubble, Place
from harkara.console.bubbles.media import medium_of
from harkara.console.bubbles.templates import bubble_of_template
from harkara.console.languages import N_
from harkara.errors import Invalid
from harkara.messages import (
    Audio,
    Buttons,
    Contact,
    Contacts,
    Document,
    Image,
    ListMessage,
    Location,
    Message,
    Reaction,
    Section,
    Sticker,
    Template,
    Text,
    Video,
    parse_item,
)
from harkara.messages.text_rules import PLACEHOLDER
from harkara.messages.validation import as_handed_over

SECRET = N_("This message has a one-time code. Its text is never shown.")
ERASED = N_("The text is erased.")
UNREADABLE = N_("This release cannot show the text.")
REACTION, REACTION_REMOVED = N_("Reaction to a message"), N_("Reaction removed")

_File = Image | Video | Audio | Document | Sticker
_WithoutTemplate = Text | _File | Location | Contacts | Reaction | Buttons | ListMessage


def bubbles_of_request(body: str | None, catalogue: Catalogue, *, category: str) -> tuple[MessageBubble, ...]:
    """Return the bubbles of a request as the ledger stores it, one for each message. Names such as $name are filled.

    A request that is erased, or that this release cannot read, is one bubble with a note.
    """
    if body is None:
        return (MessageBubble(note=ERASED),)
    try:
        request = json.loads(body)
        with as_handed_over():
            messages = _messages(request)
    except (Invalid, ValueError, KeyError, TypeError):
        return (MessageBubble(note=UNREADABLE),)
    values = {"$name": request.get("customer_name")} | (request.get("altTexts") or {})
    secret = category == "authentication"
    return tuple(_named(bubble_of(each, catalogue, secret=secret), values) for each in messages)


def bubble_of(message: Message, catalogue: Catalogue, *, secret: bool = False) -> MessageBubble:
    """Return the bubble of a message. With `secret`, no text is shown that may have a one-time code."""
    if isinstance(message, Template):
        return bubble_of_template(message, catalogue, secret=secret)
    return MessageBubble(note=SECRET) if secret else _raw(message)


def _raw(message: _WithoutTemplate) -> MessageBubble:
    match message:
        case Text():
            return MessageBubble(body=message.body)
        case Image() | Video() | Audio() | Document() | Sticker():
            return MessageBubble(medium=medium_of(message), body=getattr(message, "caption", None) or "")
        case Location():
            coordinates = f"{message.latitude}, {message.longitude}"
            return MessageBubble(place=Place(coordinates, message.name, message.address))
        case Contacts():
            return MessageBubble(cards=tuple(map(_card, message.contacts)))
        case Reaction():
            return reaction(message.emoji)
        case Buttons() | ListMessage():
            return _interactive(message)
    assert_never(message)


def reaction(emoji: str) -> MessageBubble:
    """Return the bubble of a reaction; an empty `emoji` removes it."""
    return MessageBubble(note=REACTION if emoji else REACTION_REMOVED, body=emoji)


def _interactive(message: Buttons | ListMessage) -> MessageBubble:
    text = message.header if isinstance(message.header, str) else None
    medium = None if message.header is None or isinstance(message.header, str) else medium_of(message.header)
    if isinstance(message, Buttons):
        buttons = tuple(Label("reply", button.title) for button in message.buttons)
    else:
        buttons = (Label("list", message.button),)
    return MessageBubble(
        medium=medium,
        header=text,
        body=message.body,
        footer=message.footer,
        buttons=buttons,
        sections=() if isinstance(message, Buttons) else tuple(map(_section, message.sections)),
    )


def _section(section: Section) -> ListSection:
    return ListSection(section.title, tuple(Choice(row.title, row.description) for row in section.rows))


def _card(contact: Contact) -> Card:
    """Return the card, with the numbers as digits alone, so that they can be masked."""
    phones = ("+" + "".join(filter(str.isdecimal, each.phone)) for each in contact.phones or ())
    return Card(contact.name.formatted_name, (*phones, *(each.email for each in contact.emails or ())))


def _messages(request: Mapping[str, Any]) -> list[Message]:
    return [Text(request["message"])] if "message" in request else [parse_item(item) for item in request["messages"]]


def _named(bubble: MessageBubble, values: Mapping[str, str | None]) -> MessageBubble:
    """Return the bubble with the values that Chat Mitra writes in place of names."""
    return bubble.changed(lambda text: PLACEHOLDER.sub(lambda name: values.get(name[0]) or name[0], text))
