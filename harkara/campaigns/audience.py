"""Reads recipients from a CSV file as spreadsheets write it: each row is a Recipient or a Reject."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from harkara.campaigns.columns import TO, Column, FixedText, Source, find_column, normalize_name
from harkara.campaigns.spreadsheet import unguard
from harkara.errors import Invalid
from harkara.people.spellings import canonical
from harkara.phone import normalize

_DELIMITERS = ",;\t|"
_WORKBOOK_SIGNATURES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # the first bytes of .xlsx and of .xls
_CHUNK_BYTES = 65_536

# A spreadsheet rounds a long number to 9.19877E+11, and it computes +91-9876543210 as a difference: -9876543119.
_MANGLED = re.compile(r"[+-]?\d[\d.,]*e[+-]?\d+|[-\u2212]\d+(?:[.,]0+)?", re.IGNORECASE)
_DECIMAL = re.compile(r"(\+?\d{7,15})[.,]0+\Z")
_DIGITS_LOST = (
    "was changed by a spreadsheet and its digits are lost; format the column as text and fill in the number again"
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """The recipient in one row, with a text for each parameter: not empty and without spaces around it."""

    row: int
    to: str = field(repr=False)
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that gets no message. `field` is the column, empty if the row as a whole is wrong.

    `code` is invalid-number, mangled-number, duplicate, missing-value, too-many-columns or broken-quotes. In a campaign
    it can also be invalid-value, opted-out or not-agreed. No field repeats the content of the row, so a Reject may be
    logged.
    """

    row: int
    field: str
    rule: str
    code: str

    def __str__(self) -> str:
        return f"row {self.row}{', ' if self.field else ''}{self.field}: {self.rule}"


def read_recipients(
    path: Path,
    columns: Mapping[str, Source],
    region: str = "IN",
    *,
    unique: bool = True,
    parse_to: Callable[[str, str], str] = normalize,
    optional: Collection[str] = (),
) -> Iterator[Recipient | Reject]:
    """Yield a result for each row that is not blank, in order. `columns` is the result of `parse_mapping`.

    A row's number is the line on which it begins, as an editor counts; the header is line 1. (A spreadsheet counts the
    same, unless a value contains line breaks.) The delimiter is the one of , ; tab and | that fits the header best. The
    encoding is UTF-8, or UTF-16 with its byte order mark. Others are refused: in Windows-1252, for example, any bytes
    look like text, and names would be garbled.

    A number may lack the + that a spreadsheet drops. It may stand within ="…" or after the apostrophe that marks text,
    and may end with the .0 of a decimal column, which is exact up to 15 digits. Scientific notation is refused, since
    it may have lost digits even when it looks complete (9.1987654321E+11).

    With `unique`, the first valid row with a number is the recipient, and later ones are duplicates, also in another
    spelling that WhatsApp knows. `parse_to` gets the text of a number and the region. Uniqueness takes about
    100 bytes of memory for each recipient; the file itself is streamed. The template validates the values later.
    Parameters in `optional` are left out where the file has no column with their own name, or an empty cell.

    Raises Invalid for the file, a column or the region, always before the first result.
    """
    encoding = _encoding(path)
    columns = {TO: Column(TO), **columns}
    rows_of: dict[int, int] = {}
    with path.open(encoding=encoding, newline="") as file:
        rows = _rows(file, _delimiter(file, columns))
        parser = _RowParser.from_header(_header(rows), columns, region, parse_to, optional)
        for row, last, cells in rows:
            outcome = parser.parse(row, cells) if cells else _broken_quotes(row, last)
            if unique and isinstance(outcome, Recipient):
                first = rows_of.setdefault(int(canonical(outcome.to)), row)
                if first != row:
                    outcome = Reject(row, parser.column(TO), f"is the number of row {first} again", "duplicate")
            yield outcome


def _encoding(path: Path) -> str:
    """Return the encoding after decoding the whole file, so that a wrong file is refused before its first row."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
            encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
            if head.startswith(_WORKBOOK_SIGNATURES) or (encoding != "utf-16" and b"\0" in head[:2]):
                raise Invalid(path.name, "is not a text file; open it in a spreadsheet and save it as CSV UTF-8")
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            line = 1
            while chunk := file.read(_CHUNK_BYTES):
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
    """Return the delimiter with which the header has most of the mapped columns, and then most columns at all."""
    wanted = {normalize_name(source.name) for source in columns.values() if isinstance(source, Column)}

    def score(delimiter: str) -> tuple[int, int]:
        file.seek(0)
        header = _header(_rows(file, delimiter))
        return len(wanted.intersection(map(normalize_name, header))), len(header)

    best = max(_DELIMITERS, key=score)
    file.seek(0)
    return best


def _rows(file: TextIO, delimiter: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield first line, last line and cells of each row that is not blank. A row with broken quotes has no cells.

    Without `strict`, a quote that is never closed would turn all later rows into one value.
    """
    reader = csv.reader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = [unguard(cell.strip()).strip() for cell in next(reader)]
        except csv.Error:
            yield first, reader.line_num, []
        except StopIteration:
            return
        else:
            if any(cells):
                yield first, reader.line_num, cells


def _header(rows: Iterator[tuple[int, int, list[str]]]) -> list[str]:
    return next(rows, (1, 1, []))[2]


def _broken_quotes(row: int, last: int) -> Reject:
    rows = f"rows {row} to {last} were read as one" if last > row else "it cannot be read"
    return Reject(row, "", f"a quote is out of place or never closed, so {rows}; correct it", "broken-quotes")


def _present(header: list[str], names: Collection[str]) -> set[str]:
    found = set(map(normalize_name, header))
    return {name for name in names if normalize_name(name) in found}


@dataclass(frozen=True, slots=True)
class _RowParser:
    """Turns the cells of a row into a result, by the positions of the columns and the fixed texts."""

    header: list[str]
    positions: dict[str, int]
    fixed: dict[str, str]
    region: str
    parse_to: Callable[[str, str], str]
    optional: Collection[str]

    @classmethod
    def from_header(
        cls,
        header: list[str],
        columns: Mapping[str, Source],
        region: str,
        parse_to: Callable[[str, str], str],
        optional: Collection[str],
    ) -> Self:
        if not header:
            raise Invalid("header", "must be in the first row: the names of the columns")
        if isinstance(columns[TO], FixedText):
            raise Invalid(TO, "must be read from a column")
        absent = {name for name in optional if columns.get(name) == Column(name)} - _present(header, optional)
        mapped = {name: source for name, source in columns.items() if isinstance(source, Column) and name not in absent}
        positions = {name: find_column(header, name, column) for name, column in mapped.items()}
        fixed = {name: source.text for name, source in columns.items() if isinstance(source, FixedText)}
        return cls(header, positions, fixed, region, parse_to, optional)

    def column(self, name: str) -> str:
        return self.header[self.positions[name]]

    def parse(self, row: int, cells: list[str]) -> Recipient | Reject:
        if any(cells[len(self.header) :]):
            rule = f"has more cells than the header's {len(self.header)}; put quotes around a value with a delimiter"
            return Reject(row, "", rule, "too-many-columns")
        values = {name: cells[at] if at < len(cells) else "" for name, at in self.positions.items()}
        values = {name: value for name, value in values.items() if value or name not in self.optional}
        for name, value in values.items():
            if not value:
                return Reject(row, self.column(name), "must not be empty", "missing-value")
        number = values.pop(TO).strip("='\" ")
        if _MANGLED.fullmatch(number):
            return Reject(row, self.column(TO), _DIGITS_LOST, "mangled-number")
        try:
            to = self.parse_to(_DECIMAL.sub(r"\1", number), self.region)
        except Invalid as error:
            if error.field != "to":
                raise
            return Reject(row, self.column(TO), str(error).removeprefix("to: "), "invalid-number")
        return Recipient(row, to, self.fixed | values)
