"""The category of a message, which sets its priority, and its default from the messages of an envelope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from harkara.messages.parse import Message
from harkara.messages.template import Template

Category = Literal["authentication", "reply", "utility", "marketing"]

PRIORITY: dict[str, int] = {"authentication": 0, "reply": 1, "utility": 2, "marketing": 3}
"""The default priority of each category; 0 is sent first."""


def default_category(messages: Sequence[Message]) -> Category:
    """Return authentication if a message has it, otherwise the category with the strictest rules."""
    found = {message.category or "utility" if isinstance(message, Template) else "reply" for message in messages}
    order: tuple[Category, ...] = ("authentication", "marketing", "utility", "reply")
    return next(category for category in order if category in found)
