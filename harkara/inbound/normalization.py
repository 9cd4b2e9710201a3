"""Clean, compare and digest values that come from outside."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any

LONGEST_TEXT = 4_096
"""Characters, as WhatsApp limits a text."""


def clean_text(value: object) -> str | None:
    """Return a text that a database accepts, cut at WhatsApp's limit; None for a blank one or another type."""
    if not isinstance(value, str) or not value.strip():
        return None
    return storable(value)[:LONGEST_TEXT] or None


def storable(text: str) -> str:
    """Remove what a database refuses, NUL and half characters: otherwise the whole row would be lost with them."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def canonical_json(value: Any) -> bytes:
    """Return the same bytes for equal JSON, whatever the order of its keys; 18.0 equals 18, as in JavaScript."""
    return json.dumps(_integral(value), sort_keys=True, separators=(",", ":")).encode()


def _integral(value: object) -> object:
    match value:
        case dict():
            return {name: _integral(inner) for name, inner in value.items()}
        case list():
            return [_integral(inner) for inner in value]
        case float() if value.is_integer():
            return int(value)
    return value


def outline(body: str) -> str:
    """Return the shape of some JSON: its fields and the type of each value, without the values."""
    return canonical_json(_outline(json.loads(body))).decode()


def _outline(value: object) -> object:
    if isinstance(value, dict):
        return {name: _outline(inner) for name, inner in value.items()}
    return [_outline(inner) for inner in value] if isinstance(value, list) else type(value).__name__


def field_names(body: str) -> list[str]:
    """Return the names of the fields in some JSON, such as `message.id`, each once and without the values."""
    return list(dict.fromkeys(_names(json.loads(body))))


def _names(value: object, inside: str = "") -> Iterator[str]:
    inner: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        inner = ((f"{inside}.{name}" if inside else name, each) for name, each in value.items())
    elif isinstance(value, list):
        inner = ((inside, each) for each in value)
    for name, each in inner:
        if isinstance(each, dict | list) and each:
            yield from _names(each, name)
        elif name:
            yield name


def digest(*parts: str | bytes) -> str:
    """Return 32 hexadecimal digits, which hide the phone number that WhatsApp's message ids contain."""
    whole = blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "replace")
        whole.update(len(data).to_bytes(8, "big") + data)
    return whole.hexdigest()
