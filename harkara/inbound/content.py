"""Content: what a customer sent, whatever it is, in a bounded form for the application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from harkara.inbound.normalization import storable

MAX_BYTES = 16_384
"""As JSON in UTF-8. The longest text of WhatsApp, 4,096 characters, has 12 KB in an Indian script."""

MAX_DEPTH = 20

_CUTS = ((MAX_BYTES, MAX_BYTES), (4_096, 50), (1_024, 20), (256, 10), (64, 5))
"""Characters of a text and items of a list or object, from the mildest cut to the last one."""


@dataclass(frozen=True, slots=True)
class Content:
    """The fields of a customer's message; `truncated` says that they are not all that came."""

    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    truncated: bool = False


def bounded(message: Mapping[str, Any]) -> Content:
    """Return the message as JSON that any application can store: no NUL, no infinity, at most MAX_BYTES.

    Texts and lists of a larger message are cut, as little as possible. If that is not enough, only its type remains.
    """
    for characters, items in _CUTS:
        cut = _Cut(characters, items)
        fields: dict[str, Any] = cut.shorten(message, MAX_DEPTH)
        if len(json.dumps(fields, ensure_ascii=False).encode()) <= MAX_BYTES:
            return Content(fields, cut.was_needed)
    kind = message.get("type")
    return Content({"type": storable(kind)[:40]} if isinstance(kind, str) else {}, truncated=True)


class _Cut:
    """Shortens JSON to these numbers of characters and items; `was_needed` says that anything is missing."""

    def __init__(self, characters: int, items: int) -> None:
        self.was_needed = False
        self._characters = characters
        self._items = items

    def shorten(self, value: Any, depth: int) -> Any:
        match value:
            case str():
                return self._text(value)
            case float() if not isfinite(value):
                return None
            case Mapping() | list() if depth == 0:
                self.was_needed = True
                return None
            case Mapping():
                kept = self._first(list(value.items()))
                return {self._text(name): self.shorten(inner, depth - 1) for name, inner in kept}
            case list():
                return [self.shorten(inner, depth - 1) for inner in self._first(value)]
        return value

    def _text(self, text: str) -> str:
        self.was_needed |= len(text) > self._characters
        return storable(text[: self._characters])

    def _first(self, items: list[Any]) -> list[Any]:
        self.was_needed |= len(items) > self._items
        return items[: self._items]
