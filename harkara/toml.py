"""Reads the TOML files of a deployment and validates them; an error names the file, the key and the rule."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harkara.errors import Invalid
from harkara.text_files import read_text

Model = TypeVar("Model", bound=BaseModel)

Location = tuple[int | str, ...]
"""The keys and list positions that lead to a value, outermost first, as pydantic reports them."""


def load_toml(path: Path, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the content of a TOML file, also with a byte order mark or in UTF-16, as editors on Windows save it.

    Raises Invalid for a file that cannot be read or parsed.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except ValueError as error:
        raise Invalid(path.name, f"cannot be read as TOML: {error}") from error


def dotted(where: Location) -> str:
    """Return a location as TOML writes a key, such as `opt-out.everything`."""
    return ".".join(map(str, where)) or "the file"


def validate(model: type[Model], data: object, file: str, entry_name: Callable[[Location], str] = dotted) -> Model:
    """Return `data` as a `model`. Raises Invalid as `file_error` describes it."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise file_error(file, error, entry_name) from error


def file_error(file: str, error: ValidationError, entry_name: Callable[[Location], str] = dotted) -> Invalid:
    """Return the innermost problem, which is the most precise one, as an Invalid that names file and entry.

    `entry_name` turns a location into the name that the author of the file knows.
    """
    deepest = max(error.errors(), key=lambda each: len(each["loc"]))
    cause = deepest.get("ctx", {}).get("error")
    rule = cause.rule if isinstance(cause, Invalid) else deepest["msg"].removeprefix("Value error, ")
    return Invalid(f"{file}, {entry_name(deepest['loc'])}", rule)
