"""The condition that a text contains one of some substrings, however the digits of a number are separated in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, func, or_

from harkara.people.mentions import SEPARATORS


def contains(column: ColumnElement[Any], needles: Iterable[str]) -> ColumnElement[bool]:
    """Match a text that has one of the needles in it once SEPARATORS are removed. No index serves it.

    They are removed for needles of digits alone: that takes longer than the search.
    """
    plain: ColumnElement[str] = column
    for separator in SEPARATORS:
        plain = func.replace(plain, separator, "")
    return or_(*((plain if needle.isdigit() else column).contains(needle, autoescape=True) for needle in needles))
