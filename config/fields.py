"""Types of settings that pydantic does not have: durations and lists of pairs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(value: Any) -> Any:
    """Parse `90s`, `10m`, `2h`, `1d` or a number of seconds such as `3.05`. Raises ValueError.

    Any other type is pydantic's to validate.
    """
    if not isinstance(value, str | int | float):
        return value
    text = str(value).strip()
    unit = _UNITS.get(text[-1:])
    try:
        return timedelta(**{unit or "seconds": float(text[:-1] if unit else text)})
    except (ValueError, OverflowError) as error:
        raise ValueError(f"must be a duration such as 90s, 10m, 2h, 1d or 15 (seconds), not {text!r}") from error


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def pairs(form: str) -> BeforeValidator:
    """Return a validator that parses `name:value,name:value`. It raises ValueError that shows `form`, never the value.

    Only the first colon of a pair separates, since a live token holds a colon itself.
    """

    def parse(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        found = [pair.strip().partition(":") for pair in value.split(",") if pair.strip()]
        if any(not name or not text for name, _, text in found):
            raise ValueError(f"must be {form}")
        return {name: text for name, _, text in found}

    return BeforeValidator(parse)
