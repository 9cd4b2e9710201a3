"""The default category of an envelope, from its messages."""

from __future__ import annotations

from collections.abc import Iterable

from harkara.categories import Category
from harkara.messages.parse import Message

_STRICTEST_FIRST: tuple[Category, ...] = ("authentication", "marketing", "utility", "reply")


def default_category(messages: Iterable[Message]) -> Category:
    """Return authentication if a message has it, otherwise the category with the strictest rules."""
    return min((message.default_category for message in messages), key=_STRICTEST_FIRST.index)
