"""Reads a campaign's audience from a CSV as spreadsheets write it: each row is a recipient, or is refused with why."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from harkara.campaigns.columns import TO, Column, Fixed, Source, locate, same
from harkara.errors import Invalid
from harkara.phone import E164, normalize

_DELIMITERS = ",;\t|"
_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # how the workbooks .xlsx and .xls begin
_CHUNK = 65_536

# 9.19877E+11 is a rounded number; -9876543119 is what a spreadsheet makes of +91-9876543210: the difference.
_MANGLED = re.compile(r"[+-]?\d[\d.,]*e[+-]?\d+|[-\u2212]\d+(?:[.,]0+)?", re.IGNORECASE)
_WHOLE = re.compile(r"(\+?\d{7,15})[.,]0+\Z")
_LOST = "was changed by a spreadsheet and its digits are lost; format the column as text and fill in the number again"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One message to be: the text for each parameter, not empty and without spaces around it."""

    row: int
    to: E164 = field(repr=False)
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that gets no message. `field` is its column, empty where the row as a whole is wrong.

    `code` is invalid-number, mangled-number, duplicate, missing-value, too-many-columns or broken-quotes; of a campaign
    also invalid-value, opted-out or not-agreed. Neither the rule nor anything else here repeats what the row holds, so
    it may be logged.
    """

    row: int
    field: str
    rule: str
    code: str

    def __str__(self) -> str:
        return f"row {self.row}{', ' if self.field else ''}{self.field}: {self.rule}"


def read(
    path: Path, columns: Mapping[str, Source], region: str = "IN", *, unique: bool = True
) -> Iterator[Recipient | Reject]:
    """Each row in its order; every row that is not blank comes out once. `columns` is what `parse_map` returns.

    A row's number is the line it begins on, as an editor counts; the header is 1. (A spreadsheet counts the same,
    unless there are line breaks inside quotes.) Columns are parted by whichever of , ; tab and | suits the header.
    UTF-8 and, with its byte order mark, UTF-16 are read; nothing else is, because any bytes look like text in
    Windows-1252 and its sisters, and names would go out garbled.

    A number keeps its meaning without the + that a spreadsheet drops, within ="…", after the apostrophe that makes it
    text, and with the .0 of a column that was taken for decimals: up to 15 digits such a column holds exactly. In
    scientific notation digits may be missing, even where it looks complete (9.1987654321E+11), so it is refused.

    The first row with a number gets the message, and later ones are duplicates; a row that is refused for anything
    else does not count; without `unique` a number may come again. To know them costs about 100 bytes a recipient, all
    else is read as it goes by. What a value may contain is for the template to say, which knows where it goes.

    Raises Invalid before the first recipient, and only then, for a file, a column or a region that will not do.
    """
    encoding = _encoding(path)
    columns = {TO: Column(TO), **columns}
    rows_of: dict[int, int] = {}
    with path.open(encoding=encoding, newline="") as file:
        rows = _rows(file, _delimiter(file, columns))
        form = _Form.of(_header(rows), columns, region)
        for row, last, cells in rows:
            outcome = form.fill(row, cells) if cells else _broken(row, last)
            if unique and isinstance(outcome, Recipient) and (first := rows_of.setdefault(int(outcome.to), row)) != row:
                outcome = Reject(row, form.column(TO), f"is the number of row {first} again", "duplicate")
            yield outcome


def _encoding(path: Path) -> str:
    """Reads the file through, so that a wrong one is refused before anything of it is used."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
            if head.startswith(_NO_TEXT) or (encoding != "utf-16" and b"\0" in head[:2]):
                raise Invalid(path.name, "is not a text file; open it in a spreadsheet and save it as CSV UTF-8")
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            line = 1
            while chunk := file.read(_CHUNK):
                line += decoder.decode(chunk).count("\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        line += error.object[: error.start].decode(error.encoding).count("\n")
        name = encoding.removesuffix("-sig").upper()
        raise Invalid(path.name, f"line {line} is not in {name}; save it as CSV UTF-8, not as plain CSV") from None
    except OSError as error:
        raise Invalid(path.name, f"cannot be read: {error.strerror}") from error
    return encoding


def _delimiter(file: TextIO, columns: Mapping[str, Source]) -> str:
    """That under which the header has most of the wanted columns, and then the one that makes most columns of it."""
    wanted = {same(source.name) for source in columns.values() if isinstance(source, Column)}

    def fit(delimiter: str) -> tuple[int, int]:
        file.seek(0)
        header = _header(_rows(file, delimiter))
        return len(wanted.intersection(map(same, header))), len(header)

    best = max(_DELIMITERS, key=fit)
    file.seek(0)
    return best


def _rows(file: TextIO, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """The first and the last line of each row that is not blank, and its cells: none if its quotes are broken.

    Without `strict` a quote that is never closed would make one long value of all the rows that follow.
    """
    reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except csv.Error:
            yield first, reader.line_num, []
        except StopIteration:
            return
        else:
            if any(cells):
                yield first, reader.line_num, cells


def _header(rows: Iterator[tuple[int, int, list[str]]]) -> list[str]:
    return next(rows, (1, 1, []))[2]


def _broken(row: int, last: int) -> Reject:
    rows = f"rows {row} to {last} were read as one" if last > row else "it cannot be read"
    return Reject(row, "", f"a quote is out of place or never closed, so {rows}; correct it", "broken-quotes")


@dataclass(frozen=True, slots=True)
class _Form:
    """Makes a recipient of a row: knows where its number and its values stand."""

    header: list[str]
    places: dict[str, int]
    fixed: dict[str, str]
    region: str

    @classmethod
    def of(cls, header: list[str], columns: Mapping[str, Source], region: str) -> Self:
        if not header:
            raise Invalid("header", "must be in the first row: the names of the columns")
        if isinstance(columns[TO], Fixed):
            raise Invalid(TO, "must be read from a column")
        places = {name: locate(header, name, source) for name, source in columns.items() if isinstance(source, Column)}
        fixed = {name: source.text for name, source in columns.items() if isinstance(source, Fixed)}
        return cls(header, places, fixed, region)

    def column(self, name: str) -> str:
        return self.header[self.places[name]]

    def fill(self, row: int, cells: list[str]) -> Recipient | Reject:
        if any(cells[len(self.header) :]):
            rule = f"has more cells than the header's {len(self.header)}; put quotes around a value with a delimiter"
            return Reject(row, "", rule, "too-many-columns")
        values = {name: cells[place] if place < len(cells) else "" for name, place in self.places.items()}
        for name, value in values.items():
            if not value:
                return Reject(row, self.column(name), "must not be empty", "missing-value")
        number = values.pop(TO).strip("='\" ")
        if _MANGLED.fullmatch(number):
            return Reject(row, self.column(TO), _LOST, "mangled-number")
        try:
            to = normalize(_WHOLE.sub(r"\1", number), self.region)
        except Invalid as error:
            if error.field != "to":
                raise
            return Reject(row, self.column(TO), str(error).removeprefix("to: "), "invalid-number")
        return Recipient(row, to, self.fixed | values)
