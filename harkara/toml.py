"""Reads the TOML files of a deployment and validates them; an error names the file, the line, the key and the rule."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harkara.errors import Invalid
from harkara.text_files import read_text

Model = TypeVar("Model", bound=BaseModel)

Location = tuple[int | str, ...]
"""The keys and list positions that lead to a value, outermost first, as pydantic reports them."""


class TomlDocument(dict[str, Any]):
    """The content of a TOML file, which knows the line of each of its keys."""

    def __init__(self, content: dict[str, Any], text: str) -> None:
        super().__init__(content)
        self._text = text

    def find(self, where: Location) -> tuple[int, int]:
        """Return how many parts of a location the file has, and the line at which the last of these begins."""
        depth = max(end for end in range(len(where) + 1) if _contains(self, where[:end]))
        return depth, self._line(where[:depth])

    def _line(self, where: Location) -> int:
        """Return the line after the longest part of the text that is TOML without this value; found by halving."""
        lines = self._text.split("\n")
        without, contained = 0, len(lines)
        while True:
            between = sorted(range(without + 1, contained), key=lambda end: abs(2 * end - without - contained))
            parts = ((end, _parsed(lines[:end])) for end in between)
            end, content = next((part for part in parts if part[1] is not None), (0, None))
            if not end:
                return without + 1
            if _contains(content, where):
                contained = end
            else:
                without = end


def load_toml(path: Path, parse_float: Callable[[str], Any] = float) -> TomlDocument:
    """Return the content of a TOML file, also with a byte order mark or in UTF-16, as editors on Windows save it.

    Raises Invalid for a file that cannot be read, and with line and key for one that cannot be parsed.
    """
    text = read_text(path)
    try:
        return TomlDocument(tomllib.loads(text, parse_float=parse_float), text)
    except tomllib.TOMLDecodeError as error:
        key = _broken_key(text, str(error))
        raise Invalid(f"{path.name}, {key}" if key else path.name, f"cannot be read as TOML: {error}") from error
    except ValueError as error:  # of `parse_float`
        raise Invalid(path.name, f"cannot be read as TOML: {error}") from error


def dotted(where: Location) -> str:
    """Return a location as TOML writes a key, such as `opt-out.everything`."""
    return ".".join(map(str, where)) or "the file"


def validate(
    model: type[Model],
    data: object,
    file: str,
    entry_name: Callable[[Location], str] = dotted,
    merged: Sequence[Path] = (),
) -> Model:
    """Return `data` as a `model`; `merged` are the files that it was merged from if it is not one itself.

    Raises Invalid as `file_error` describes it.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        documents = (
            [(file, data)] if isinstance(data, TomlDocument) else [(each.name, load_toml(each)) for each in merged]
        )
        raise file_error(file, error, entry_name, documents) from error


def file_error(
    file: str,
    error: ValidationError,
    entry_name: Callable[[Location], str] = dotted,
    documents: Sequence[tuple[str, TomlDocument]] = (),
) -> Invalid:
    """Return the innermost problem, which is the most precise one, as an Invalid that names file, entry and line.

    `entry_name` turns a location into the name that the author of the file knows. Of several documents, the last one
    that has the entry is named.
    """
    deepest = max(error.errors(), key=lambda each: len(each["loc"]))
    where = deepest["loc"]
    cause = deepest.get("ctx", {}).get("error")
    rule = cause.rule if isinstance(cause, Invalid) else deepest["msg"].removeprefix("Value error, ")
    line = None
    if documents:
        present = where[:-1] if deepest["type"] == "missing" else where
        found = [(*document.find(present), name) for name, document in documents]
        _, number, file = max(reversed(found), key=itemgetter(0))
        line = f"line {number}"
    return Invalid(f"{file}, {entry_name(where)}", rule, line)


def _parsed(lines: Sequence[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return None  # they end within a value of several lines


def _contains(content: Any, where: Location) -> bool:
    for part in where:
        if isinstance(content, dict) and part in content:
            content = content[part]
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        else:
            return False
    return True


def _broken_key(text: str, error: str) -> str | None:
    """Return the key or table of the line that a parser's error names; never a value, which may be a secret."""
    number = re.search(r"at line (\d+)", error)
    line = text.split("\n")[int(number[1]) - 1 if number else -1]
    key = re.match(r"""\s*\[*\s*([\w."'-]+?)\s*(?:=|\]|$)""", line)
    return key[1] if key else None
