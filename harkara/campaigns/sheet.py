"""Examines the CSV file of an audience before its columns are mapped: its size, its columns and its first rows."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Final

from harkara.campaigns.columns import TO, normalize_name
from harkara.campaigns.table import read_table
from harkara.errors import Invalid
from harkara.text_files import UTF_16_MARKS, detect_encoding

MAX_LINES: Final = 1_000_000
"""Lines that the file of an audience may have: reading one takes about 100 bytes of memory for each recipient."""

_FIRST = 5
_CHUNK_BYTES = 1 << 20
_NUMBER_COLUMNS = ("to", "mobile", "mobilenumber", "phone", "phonenumber", "number", "whatsapp", "whatsappnumber")

_USUAL = {TO: _NUMBER_COLUMNS, "customer": ("name", "customername", "fullname", "firstname")}
"""What columns are usually called that hold the number, and the name that a message addresses."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file: its lines, the names of its columns, and its first rows, which are personal data."""

    lines: int
    columns: list[str]
    first: list[list[str]] = field(repr=False)


def examine(path: Path, wanted: Collection[str] = ()) -> Sheet:
    """Return what a mapping must know of the file. `wanted` are names of columns, which help to find the header.

    Raises Invalid for a file that is no text in UTF-8 or UTF-16, has no header, or has more than MAX_LINES lines.
    """
    lines = count_lines(path)
    if not lines:
        raise Invalid("file", "is empty; its first row must name the columns")
    check_lines(lines)
    encoding = detect_encoding(path, "a spreadsheet and save it as CSV UTF-8", "CSV UTF-8, not as plain CSV")
    with path.open(encoding=encoding, newline="") as file:
        table = read_table(file, wanted or _NUMBER_COLUMNS)
        first = [row.cells for row in islice((row for row in table.below if row.cells), _FIRST)]
    return Sheet(lines, [name for name in table.header if name], first)


def suggest_mapping(columns: Iterable[str], parameters: Collection[str]) -> Mapping[str, str]:
    """Return the column that probably holds each of these parameters; none for one without a similar column."""
    known = {normalize_name(name): name for name in columns}
    found = {}
    for parameter in parameters:
        wanted = normalize_name(parameter)
        names = [each for each in _USUAL.get(parameter, ()) if each in known][:1]
        if near := [wanted] if wanted in known else names or get_close_matches(wanted, known, 1):
            found[parameter] = known[near[0]]
    return found


def check_lines(lines: int) -> None:
    """Raise Invalid for more than MAX_LINES."""
    if lines > MAX_LINES:
        raise Invalid("file", "at most 1,000,000 lines; divide it", f"this has {lines:,}")


def count_lines(path: Path) -> int:
    r"""Return the number of lines, whose ends are the more frequent of `\n` and `\r`. Raises Invalid.

    Only UTF-16 is decoded: half of a letter in it may be the byte of `\n`. A file of 50 MB takes a fraction of
    a second.
    """
    feeds, returns, last = 0, 0, ""
    try:
        with path.open("rb") as file:
            encoding = "utf-16" if file.read(2) in UTF_16_MARKS else "latin-1"
            file.seek(0)
            decode = getincrementaldecoder(encoding)("replace").decode
            for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""):
                text = decode(chunk)
                feeds, returns, last = feeds + text.count("\n"), returns + text.count("\r"), text[-1:] or last
    except OSError as error:
        raise Invalid(path.name, f"cannot be read: {error.strerror}") from error
    return max(feeds, returns) + (last not in ("", "\n", "\r"))
