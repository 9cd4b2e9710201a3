"""The mapping of template parameters to columns of a CSV file, or to fixed texts."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from harkara.errors import Invalid

TO: Final = "to"
"""The name that a mapping uses for the recipient's number."""

_MIN_NUMBER_DIGITS = 7
"""A cell with so many digits is probably a phone number."""

_QUOTES = "'\"`´‘’‛“”„«»"


@dataclass(frozen=True, slots=True)
class Column:
    """The column with this name. Case, spaces, underscores, quotes and invisible marks make no difference."""

    name: str


@dataclass(frozen=True, slots=True)
class FixedText:
    """The same text in every message."""

    text: str


Source = Column | FixedText


def parse_mapping(texts: Iterable[str], parameters: Collection[str] | None = None) -> dict[str, Source]:
    """Parse `doctor=Doctor` (the column Doctor) and `doctor:=Dr Rao` (the same text for all).

    The first `=` divides, so the names of columns and texts may contain more of them. `to=Mobile` names the column of
    the numbers, by default `to`. With the `parameters` of a template, an unmapped one comes from the column with its
    own name. Raises Invalid for a text of another form, a repeated parameter, and one that is not in `parameters`.
    """
    found: dict[str, Source] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        parameter = name.removesuffix(":").rstrip()
        if not parameter or not value:
            raise Invalid("map", "must be parameter=column, or parameter:=text for the same text in every message")
        if parameter in found:
            raise Invalid(f"map {parameter}", "must not occur twice")
        found[parameter] = FixedText(value) if name.endswith(":") else Column(value)
    return found if parameters is None else complete_mapping(found, parameters)


def complete_mapping(found: Mapping[str, Source], parameters: Collection[str]) -> dict[str, Source]:
    """Return the mapping of all `parameters`: an unmapped one comes from the column with its own name.

    Raises Invalid for a parameter that is not among them.
    """
    for parameter in found:
        if parameter != TO and parameter not in parameters:
            raise Invalid(f"map {parameter}", f"the template has no such parameter; {_choice(parameter, parameters)}")
    return {name: Column(name) for name in parameters} | {**found}


def find_column(header: Sequence[str], parameter: str, column: Column) -> int:
    """Return the position of the column. Raises Invalid, with the existing columns and the most similar one."""
    wanted = normalize_name(column.name)
    positions = [at for at, name in enumerate(header) if normalize_name(name) == wanted]
    if len(positions) == 1:
        return positions[0]
    if positions:
        raise Invalid(parameter, f"{len(positions)} columns are called {column.name}; give them different names")
    if any(map(holds_number, header)):
        raise Invalid(parameter, "the first row must name the columns, but seems to be a recipient")
    missing = f"no column is called {column.name}; {_choice(column.name, header)}"
    raise Invalid(parameter, f"{missing}; name the right one as {parameter}=COLUMN")


def normalize_name(name: str) -> str:
    """Return the form in which all spellings of one name are equal."""
    plain = unicodedata.normalize("NFKC", name).casefold().replace("_", " ")
    return "".join(each for each in plain if not _makes_no_difference(each))


def holds_number(cell: str) -> bool:
    """Return whether the cell is probably a phone number, and its row so a recipient and no header."""
    return sum(map(str.isdigit, cell)) >= _MIN_NUMBER_DIGITS


def _makes_no_difference(character: str) -> bool:
    return character.isspace() or character in _QUOTES or unicodedata.category(character) == "Cf"


def _choice(wanted: str, names: Iterable[str]) -> str:
    known = {normalize_name(name): name.strip() for name in names if name.strip()}
    listed = textwrap.shorten(", ".join(known.values()), 300, placeholder=" …") or "none"
    nearest = get_close_matches(normalize_name(wanted), known, 1)
    return f"there are {listed}" + (f"; the nearest is {known[nearest[0]]}" if nearest else "")
