"""Reads recipients from a CSV file as spreadsheets write it: each row is a Recipient or a Reject."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from harkara.campaigns.cell_faults import find_cell_fault
from harkara.campaigns.columns import TO, Column, FixedText, Source, find_column, holds_number, normalize_name
from harkara.campaigns.table import CsvRow, Table, read_table
from harkara.errors import Invalid
from harkara.people.spellings import canonical
from harkara.phone import normalize
from harkara.text_files import detect_encoding

# A spreadsheet rounds a long number to 9.19877E+11, computes +91-9876543210 as a difference, -9876543119, and divides:
# 9876543210.5 was a number before someone dragged a formula over it.
_MANGLED = re.compile(
    r"[+-]?\d[\d.,]*\s*e\s*[+-]?\d+|[-\u2212]\d+(?:[.,]0+)?"
    r"|[+-]?\d{7,}[.,](?=\d{1,6}\Z)\d*[1-9]\d*",
    re.IGNORECASE,
)
_AROUND_NUMBER = "='\"`´‘’‛“”\t \u00a0"
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

    `code` is invalid-number, mangled-number, duplicate, missing-value, error-value, unfilled-placeholder,
    too-many-columns, broken-quotes or above-header. In a campaign it can also be invalid-value, opted-out, not-agreed,
    erased or sent-again. No field repeats the content of the row, so a Reject may be logged.
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

    A row's number is the line on which it begins, as an editor counts. (A spreadsheet counts the same, unless a value
    contains line breaks.) The header is the row among the first that has most of the mapped columns; rows above it,
    such as a title or Excel's `sep=;`, are no recipients, and one with a number is a Reject. The delimiter is the one
    of , ; tab and | that fits the header best. The encoding is UTF-8, or UTF-16 with its byte order mark; others are
    refused.

    A number may lack the + that a spreadsheet drops. It may stand within ="…", after the apostrophe that marks text or
    between invisible marks, and may end with the .0 of a decimal column, which is exact up to 15 digits. Scientific
    notation is refused, since it may have lost digits even when it looks complete (9.1987654321E+11), and so are
    fractions. A cell with the error of a spreadsheet or an unfilled placeholder rejects its row.

    With `unique`, the first valid row with a number is the recipient, and later ones are duplicates, also in another
    spelling that WhatsApp knows. `parse_to` gets the text of a number and the region. Uniqueness takes about
    100 bytes of memory for each recipient; the file itself is streamed. The template validates the values later.
    Parameters in `optional` are left out where the file has no column with their own name, or an empty cell.

    Raises Invalid for the file, a column or the region, always before the first result.
    """
    encoding = detect_encoding(path, "a spreadsheet and save it as CSV UTF-8", "CSV UTF-8, not as plain CSV")
    columns = {TO: Column(TO), **columns}
    rows_of: dict[int, int] = {}
    with path.open(encoding=encoding, newline="") as file:
        table = read_table(file, [source.name for source in columns.values() if isinstance(source, Column)])
        parser = _RowParser.from_header(table.header, columns, region, parse_to, optional)
        yield from parser.above(table)
        for row in table.below:
            readable = row.cells and not parser.holds_rows(row, table.delimiter)
            outcome = parser.parse(row.number, row.cells) if readable else _broken_quotes(row)
            if unique and isinstance(outcome, Recipient):
                first = rows_of.setdefault(int(canonical(outcome.to)), row.number)
                if first != row.number:
                    outcome = Reject(row.number, parser.column(TO), f"is the number of row {first} again", "duplicate")
            yield outcome


def _broken_quotes(row: CsvRow) -> Reject:
    rows = f"rows {row.number} to {row.last} were read as one" if row.last > row.number else "it cannot be read"
    return Reject(row.number, "", f"a quote is out of place or never closed, so {rows}; correct it", "broken-quotes")


def _is_number(cell: str) -> bool:
    return holds_number(cell) and not any(map(str.isalpha, cell))


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
        if isinstance(columns[TO], FixedText):
            raise Invalid(TO, "must be read from a column")
        absent = {name for name in optional if columns.get(name) == Column(name)} - _present(header, optional)
        mapped = {name: source for name, source in columns.items() if isinstance(source, Column) and name not in absent}
        positions = {name: find_column(header, name, column) for name, column in mapped.items()}
        fixed = {name: source.text for name, source in columns.items() if isinstance(source, FixedText)}
        return cls(header, positions, fixed, region, parse_to, optional)

    def column(self, name: str) -> str:
        return self.header[self.positions[name]]

    def above(self, table: Table) -> Iterator[Reject]:
        """Yield the rows above the header that cannot be read, or have a number where the header has its column."""
        at = self.positions[TO]
        for row in table.above:
            cell = "".join(row.cells[at : at + 1])
            if not row.cells:
                yield _broken_quotes(row)
            elif _is_number(cell):
                rule = f"is above the header, which is row {table.header_row}; move this row below it"
                yield Reject(row.number, self.column(TO), rule, "above-header")

    def holds_rows(self, row: CsvRow, delimiter: str) -> bool:
        """Return whether a cell holds the rows that follow, since a quote opens in this row and closes in a later one.

        A line within the cell is a row if it has a number in the column of numbers and as many cells as the header, or
        the last of these rows up to the quote.
        """
        at = self.positions[TO]
        if row.last == row.number:
            return False
        for position, cell in enumerate(row.cells):
            for line in cell.splitlines()[1:]:
                cells = line.split(delimiter)
                if len(cells) in (len(self.header), position + 1) and _is_number("".join(cells[at : at + 1])):
                    return True
        return False

    def parse(self, row: int, cells: list[str]) -> Recipient | Reject:
        if len(cells) > len(self.header) and any(cells[len(self.header) :]):
            rule = f"has more cells than the header's {len(self.header)}; put quotes around a value with a delimiter"
            return Reject(row, "", rule, "too-many-columns")
        values = self._values(cells)
        for name, value in values.items():
            if not value:
                return Reject(row, self.column(name), "must not be empty", "missing-value")
            if fault := find_cell_fault(value):
                return Reject(row, self.column(name), *fault)
        to = self._parse_to(row, values.pop(TO))
        return to if isinstance(to, Reject) else Recipient(row, to, self.fixed | values)

    def _values(self, cells: list[str]) -> dict[str, str]:
        values = {name: cells[at] if at < len(cells) else "" for name, at in self.positions.items()}
        for name in self.optional:
            if not values.get(name, "not empty"):
                del values[name]
        return values

    def _parse_to(self, row: int, cell: str) -> str | Reject:
        if (number := _number(cell)) is None:
            return Reject(row, self.column(TO), _DIGITS_LOST, "mangled-number")
        try:
            return self.parse_to(number, self.region)
        except Invalid as error:
            if error.field != "to":
                raise
            return Reject(row, self.column(TO), str(error).removeprefix("to: "), "invalid-number")


def _number(cell: str) -> str | None:
    """Return the cell without what spreadsheets add to a number, None if its digits are lost.

    That is invisible marks, the quotes that show a number as text, and the .0 of a decimal column.
    """
    if cell.isascii() and cell.isdigit():
        return cell
    visible = cell if cell.isascii() else "".join(each for each in cell if unicodedata.category(each) != "Cf")
    number = visible.strip(_AROUND_NUMBER)
    return None if _MANGLED.fullmatch(number) else _DECIMAL.sub(r"\1", number)
