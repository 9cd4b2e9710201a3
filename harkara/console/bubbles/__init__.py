"""What a phone shows of a message, sent or received. `templates/bubble.html` draws it."""

from __future__ import annotations

from harkara.console.bubbles.bubble import MEDIA, STATES, Card, FileLabel, ListSection, MessageBubble, Place
from harkara.console.bubbles.received import bubble_of_received
from harkara.console.bubbles.sent import bubble_of, bubbles_of_request
from harkara.console.bubbles.templates import bubble_of_kind

__all__ = [
    "MEDIA",
    "STATES",
    "Card",
    "FileLabel",
    "ListSection",
    "MessageBubble",
    "Place",
    "bubble_of",
    "bubble_of_kind",
    "bubble_of_received",
    "bubbles_of_request",
]
