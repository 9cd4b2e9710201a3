"""Messages for the tests, each with its own recipient and content, so that the sandbox recognizes a duplicate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from harkara import Category, CopyCode, Envelope, Template, Text

CATEGORIES: tuple[Category, ...] = ("authentication", "reply", "utility", "marketing")
_number = count(10_000_000)


def new_message(category: Category = "utility", **options: Any) -> Envelope:
    """Return a message of this category to a number that no other message has."""
    n = next(_number)
    return Envelope(**{"to": f"9198{n}", "messages": [_content(category, n)], "category": category} | options)


def new_messages(number: int, categories: Sequence[Category] = ("utility",), **options: Any) -> list[Envelope]:
    """Return `number` messages of alternating categories."""
    return [new_message(categories[n % len(categories)], **options) for n in range(number)]


def _content(category: Category, n: int) -> Text | Template:
    match category:
        case "authentication":
            code = str(n)[-6:]
            return Template("login_code", body=[code], buttons=[CopyCode(code)], category=category)
        case "reply":
            return Text(f"Yes, parcel {n} is at the counter.")
        case _:
            return Template(f"{category}_note", body=[f"Order #{n}"], category=category)
