"""Durations as people write them in a file of rules: `90s`, `10m`, `2h`, `1d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_SPELLING = re.compile(r"(\d{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = timedelta(days=31)


def parse_duration(value: Any) -> timedelta:
    """Parse a duration of 1 s to 31 days. Raises ValueError."""
    match = _SPELLING.fullmatch(value) if isinstance(value, str) else None
    found = timedelta(seconds=int(match[1]) * _SECONDS[match[2]]) if match else timedelta()
    if not timedelta() < found <= _LONGEST:
        raise ValueError("must be a duration of 1 second to 31 days, such as 30s, 10m, 2h or 1d")
    return found


def format_seconds(seconds: float) -> str:
    """Return seconds in the largest unit that people read easily: `45 s`, `12 min`, `3.5 h`, `2 days`."""
    for size, unit in ((86_400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0 and unit != "days"):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


FileDuration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A duration in a file of rules."""
