"""The default category of an envelope, from its messages."""

from __future__ import annotations

from collections.abc import Sequence

from harkara.categories import Category
from harkara.messages.parse import Message

_STRICTEST_FIRST: tuple[Category, ...] = ("authentication", "marketing", "utility", "reply")


def default_category(messages: Sequence[Message]) -> Category:
    """Return authentication if a message has it, otherwise the category with the strictest rules."""
    if len(messages) == 1:
        return messages[0].default_category
    return min((message.default_category for message in messages), key=_STRICTEST_FIRST.index)
