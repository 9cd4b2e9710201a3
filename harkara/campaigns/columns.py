"""Which column of an audience, or which fixed text, fills each parameter of a template."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from harkara.errors import Invalid

TO: Final = "to"
"""Stands for the recipient's number where parameters are named."""

_DIGITS_OF_A_NUMBER = 7


@dataclass(frozen=True, slots=True)
class Column:
    """Read from the column of this name, in which case, spaces and underscores make no difference."""

    name: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same text in every message."""

    text: str


Source = Column | Fixed


def parse_map(texts: Iterable[str], parameters: Collection[str] | None = None) -> dict[str, Source]:
    """Reads `doctor=Doctor` (from the column Doctor) and `doctor:=Dr Rao` (the same text for all).

    The first `=` divides, so a column or a text may have more of them. `to=Mobile` says where the numbers are; without
    it they are in the column `to`. With the `parameters` of a template, one that is not mapped is read from the column
    of its own name, and one that the template does not have is refused. Raises Invalid.
    """
    found: dict[str, Source] = {}
    for text in texts:
        name, _, value = (part.strip() for part in text.partition("="))
        parameter = name.removesuffix(":").rstrip()
        if not parameter or not value:
            raise Invalid("map", "must be parameter=column, or parameter:=text for the same text in every message")
        if parameter in found:
            raise Invalid(f"map {parameter}", "must not occur twice")
        found[parameter] = Fixed(value) if name.endswith(":") else Column(value)
    if parameters is None:
        return found
    for parameter in found:
        if parameter != TO and parameter not in parameters:
            raise Invalid(f"map {parameter}", f"the template has no such parameter; {_choice(parameter, parameters)}")
    return {name: Column(name) for name in parameters} | found


def locate(header: Sequence[str], parameter: str, column: Column) -> int:
    """The place of the column for this parameter. Raises Invalid, naming the columns that exist and the nearest."""
    places = [place for place, name in enumerate(header) if same(name) == same(column.name)]
    if len(places) == 1:
        return places[0]
    if places:
        raise Invalid(parameter, f"{len(places)} columns are called {column.name}; give them different names")
    if any(sum(map(str.isdigit, name)) >= _DIGITS_OF_A_NUMBER for name in header):
        raise Invalid(parameter, "the first row must name the columns, and this one seems to hold a recipient already")
    missing = f"no column is called {column.name}; {_choice(column.name, header)}"
    raise Invalid(parameter, f"{missing}; name the right one as {parameter}=COLUMN")


def same(name: str) -> str:
    """What two spellings of one column's name have in common."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().replace("_", " ").split())


def _choice(wanted: str, names: Iterable[str]) -> str:
    known = {same(name): name.strip() for name in names if name.strip()}
    listed = textwrap.shorten(", ".join(known.values()), 300, placeholder=" …") or "none"
    nearest = get_close_matches(same(wanted), known, 1)
    return f"there are {listed}" + (f"; the nearest is {known[nearest[0]]}" if nearest else "")
