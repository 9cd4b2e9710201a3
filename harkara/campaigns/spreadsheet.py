"""Write CSV files that a spreadsheet shows as text, and read their cells again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

# OWASP, CSV Injection: a spreadsheet computes a cell that begins so. Customers choose some cells, such as a reason.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")


class CsvWriter:
    """Writes rows to a text file, and an apostrophe before each text that a spreadsheet would compute."""

    def __init__(self, file: TextIO, *, delimiter: str = ",") -> None:
        self._writer = csv.writer(file, delimiter=delimiter)

    def write(self, row: Iterable[object]) -> None:
        self._writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in row])


def guard(text: str) -> str:
    """Return the cell for a text: `=1+1` becomes `'=1+1`, and so does a number with its plus sign."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """Return the text of a cell that `guard` made. Spreadsheets write the same apostrophe before a text."""
    return cell[1:] if _GUARDED.match(cell) else cell
