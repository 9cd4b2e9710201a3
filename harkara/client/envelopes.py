"""Build the envelope of a call; not loaded by `import harkara`, since pydantic and the numbering plans take long."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harkara.messages import Envelope, Message, Text
from harkara.phone import normalize

Content = str | Message | Sequence[Message]


def build_envelope(message: Content, to: str, region: str, options: dict[str, Any]) -> Envelope:
    """Validate a message to a number of `region`, if it has no country code. Raises Invalid."""
    content = Text(message) if isinstance(message, str) else message
    items = list(content) if isinstance(content, Sequence) else [content]
    return Envelope(to=normalize(to, region), messages=items, **options)
