"""Files that hold a deployment's rules: read as TOML, refused by the name of the file, the entry and the rule."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harkara.errors import Invalid

Location = tuple[int | str, ...]
"""Where pydantic found something wrong: keys and places from the outside to the inside."""


def read_toml(path: Path, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Raises Invalid for a file that is not there or is no TOML."""
    try:
        return tomllib.loads(path.read_text("utf-8"), parse_float=parse_float)
    except (OSError, ValueError) as error:
        raise Invalid(path.name, f"cannot be read as TOML: {error}") from error


def refusal(file: str, error: ValidationError, place: Callable[[Location], str]) -> Invalid:
    """What is wrong, at the innermost place, which knows it best; `place` names it as the file's author knows it."""
    deepest = max(error.errors(), key=lambda each: len(each["loc"]))
    cause = deepest.get("ctx", {}).get("error")
    rule = cause.rule if isinstance(cause, Invalid) else deepest["msg"].removeprefix("Value error, ")
    return Invalid(f"{file}, {place(deepest['loc'])}", rule)
