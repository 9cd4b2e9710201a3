"""Finds the table in a CSV file as spreadsheets write it: its delimiter, its header, and the rows below."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, takewhile
from typing import NamedTuple, TextIO

from harkara.campaigns.columns import holds_number, normalize_name
from harkara.campaigns.spreadsheet import trim
from harkara.errors import Invalid
from harkara.text_files import lines_without_mark

MAX_TITLE_ROWS = 20
"""The header is among so many rows that are not blank."""

_DELIMITERS = ",;\t|"
_DECLARED = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t|]*\s*', re.IGNORECASE)
"""The line in which Excel reads and writes the delimiter of the file. It is a row above the header like a title."""


class CsvRow(NamedTuple):
    """A row that is not blank: its first and its last line from 1, and its cells. Broken quotes leave it no cells."""

    number: int
    last: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """The delimiter, the header with its row number, the rows above it, such as a title, and those below."""

    delimiter: str
    header: list[str]
    header_row: int
    above: list[CsvRow]
    below: Iterator[CsvRow]


def read_table(file: TextIO, wanted: Collection[str]) -> Table:
    """Return the table of an open file; `wanted` are the names of the columns that the caller needs.

    The header is the row that has most of these columns, and the delimiter the one of , ; tab and | with which it has
    most of them, then the one that the file declares, and then the one with most columns. Raises Invalid for a file
    without a header.
    """
    names = set(map(normalize_name, wanted))
    declared = _DECLARED.fullmatch(next(lines_without_mark(file), ""))
    mark = declared[1] if declared else ""

    def score(delimiter: str) -> tuple[int, bool, int]:
        head = list(islice(_rows(file, delimiter), MAX_TITLE_ROWS))
        header = head[at].cells if (at := _header_position(head, names)) is not None else []
        return _matches(header, names), delimiter == mark, len(header)

    best = max(dict.fromkeys(_DELIMITERS + mark), key=score)
    rows = _rows(file, best)
    head = list(islice(rows, MAX_TITLE_ROWS))
    at = _header_position(head, names)
    if at is None:
        raise Invalid("header", "must be in the first row: the names of the columns")
    return Table(best, head[at].cells, head[at].number, head[:at], chain(head[at + 1 :], rows))


def _rows(file: TextIO, delimiter: str) -> Iterator[CsvRow]:
    """Yield each row that is not blank.

    Without `strict`, a quote that is never closed would turn all later rows into one value.
    """
    reader = csv.reader(lines_without_mark(file), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = [trim(cell) for cell in next(reader)]
        except csv.Error:
            yield CsvRow(first, reader.line_num, [])
        except StopIteration:
            return
        else:
            if any(cells):
                yield CsvRow(first, reader.line_num, cells)


def _header_position(rows: Sequence[CsvRow], names: Collection[str]) -> int | None:
    """Return the position of the header, None without any row.

    If no row has a wanted column, the header is the fullest row before the first recipient. An error that lists its
    cells as the existing columns must quote no customer.
    """
    readable = [at for at, row in enumerate(rows) if row.cells]
    if not readable:
        return None
    best = max(readable, key=lambda at: _matches(rows[at].cells, names))
    if _matches(rows[best].cells, names):
        return best
    titles = takewhile(lambda at: not any(map(holds_number, rows[at].cells)), readable)
    return max(titles, key=lambda at: sum(map(bool, rows[at].cells)), default=readable[0])


def _matches(cells: Sequence[str], names: Collection[str]) -> int:
    return len(set(names).intersection(map(normalize_name, cells)))
