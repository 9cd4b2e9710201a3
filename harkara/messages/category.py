"""The default category of an envelope, from its messages."""

from __future__ import annotations

from collections.abc import Sequence

from harkara.categories import Category
from harkara.messages.parse import Message
from harkara.messages.template import Template


def default_category(messages: Sequence[Message]) -> Category:
    """Return authentication if a message has it, otherwise the category with the strictest rules."""
    found = {message.category or "utility" if isinstance(message, Template) else "reply" for message in messages}
    order: tuple[Category, ...] = ("authentication", "marketing", "utility", "reply")
    return next(category for category in order if category in found)
