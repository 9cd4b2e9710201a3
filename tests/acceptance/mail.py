"""Messages for the tests: each to somebody else and with a content of its own, so that a repeat is seen."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from harkara import Category, CopyCode, Envelope, Template, Text

CATEGORIES: tuple[Category, ...] = ("authentication", "reply", "utility", "marketing")
_number = count(10_000_000)


def mail(category: Category = "utility", **options: Any) -> Envelope:
    """A message of this category to a number that nobody else has."""
    n = next(_number)
    return Envelope(**{"to": f"9198{n}", "messages": [_content(category, n)], "category": category} | options)


def mails(number: int, categories: Sequence[Category] = ("utility",), **options: Any) -> list[Envelope]:
    """So many messages, the categories taking turns."""
    return [mail(categories[n % len(categories)], **options) for n in range(number)]


def _content(category: Category, n: int) -> Text | Template:
    match category:
        case "authentication":
            code = str(n)[-6:]
            return Template("login_code", body=[code], buttons=[CopyCode(code)], category=category)
        case "reply":
            return Text(f"Yes, parcel {n} is at the counter.")
        case _:
            return Template(f"{category}_note", body=[f"Order #{n}"], category=category)
