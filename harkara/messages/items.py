"""Messages as items of a request to Chat Mitra, and of an envelope's JSON."""

from __future__ import annotations

from typing import Any

from harkara.errors import Invalid
from harkara.messages.parse import Message, parse_item
from harkara.messages.text import Text
from harkara.messages.validation import field_path, require_list, type_measure


def read_messages(body: dict[str, Any]) -> list[Message]:
    """Read `message` or `messages` of a request. Chat Mitra accepts exactly one of them. Raises Invalid."""
    text: Any = body.get("message")
    items = body.get("messages")
    if (text is None) == (items is None):
        raise Invalid("message", "give either message or messages, and not both")
    if items is None:
        try:
            return [Text(text)]
        except Invalid as error:
            raise Invalid("message", error.rule, error.measure) from None
    messages = []
    for position, item in enumerate(require_list(items, "messages")):
        with field_path(f"messages[{position}]"):
            messages.append(parse_item(item))
    if len(messages) == 1 and isinstance(messages[0], Text) and messages[0].is_simple:
        messages[0] = Text(messages[0].body, form="raw")  # the request to Chat Mitra keeps the form of this one
    return messages


def dump_item(message: Message) -> dict[str, Any]:
    """Return a message as JSON has it, for `load_item`."""
    unsent = message.unsent_fields()
    return message.wire() | ({"aside": unsent} if unsent else {})


def load_item(item: object, where: str) -> Message:
    """Return the message of an item. Raises Invalid with the field `where`."""
    with field_path(where):
        if not isinstance(item, dict):
            raise Invalid("", "must be an object", type_measure(item))
        unsent = item.get("aside")
        message = parse_item({name: value for name, value in item.items() if name != "aside"})
        return message if unsent is None else message.with_unsent_fields(unsent)
