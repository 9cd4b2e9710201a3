"""Reads the durations that applications write into parameters, and brings all such texts into one form."""

from __future__ import annotations

import re
import unicodedata

_DURATION = re.compile(r"(\d{1,4}) ?(day|hour|hr)s?")


def is_other_duration(text: str, days: int, hours: int) -> bool:
    """Return whether the text is a number of days or hours in English, and another one."""
    found = _DURATION.fullmatch(normalize(text))
    return found is not None and int(found[1]) != (days if found[2] == "day" else hours)


def normalize(text: str) -> str:
    """Return the text in lower case, with its widths and spaces made equal."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
