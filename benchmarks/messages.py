"""The messages that benchmarks send: a text of about a hundred characters, each to its own number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harkara import Envelope, Text


def envelopes(number: int, **options: Any) -> Iterator[Envelope]:
    """Yield `number` validated messages with the urgency of utility templates, unless `options` say otherwise."""
    for n in range(number):
        yield Envelope(to=recipient(n), messages=[Text(text(n))], **({"category": "utility"} | options))


def recipient(n: int) -> str:
    return f"9198{10_000_000 + n}"


def text(n: int) -> str:
    return f"Your order {n} has left our warehouse and will be with you tomorrow. Reply STOP to get no more of them."
