"""Write CSV files that a spreadsheet shows as text, and read their cells again."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TextIO

# OWASP, CSV Injection: a spreadsheet computes a cell that begins so. Customers choose some cells, such as a reason.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")

_AS_TEXT = re.compile(r'="([^"]*)"')
"""How exports stop a spreadsheet from computing a cell: ="00123" is the text 00123."""

# Marks that no one sees and that copied texts carry: byte order marks, zero-width spaces, signs of direction, soft
# hyphens. Joiners stay, since letters of Indian scripts end in them.
_INVISIBLE = "\ufeff\u200b\u200e\u200f\u2060\u00ad\u061c\u180e\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_SPACES = " \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)

_EDGES = frozenset(_SPACES + _INVISIBLE + "='")
"""The first or last character of every cell that is not its own text."""


class CsvWriter:
    """Writes rows to a text file, and an apostrophe before each text that a spreadsheet would compute."""

    def __init__(self, file: TextIO, *, delimiter: str = ",") -> None:
        self._writer = csv.writer(file, delimiter=delimiter)

    def write(self, row: Iterable[object]) -> None:
        self._writer.writerow([guard(cell) if isinstance(cell, str) else cell for cell in row])


def guard(text: str) -> str:
    """Return the cell for a text: `=1+1` becomes `'=1+1`, and so does a number with its plus sign."""
    return f"'{text}" if _FORMULA.match(text) else text


def trim(cell: str) -> str:
    """Return the text of a cell without spaces and invisible marks around it, and without a guard of any kind."""
    if not cell or (cell[0] not in _EDGES and cell[-1] not in _EDGES):
        return cell
    text = _strip(cell)
    if whole := _AS_TEXT.fullmatch(text):
        return _strip(whole[1])
    return _strip(unguard(text))


def _strip(text: str) -> str:
    return text.strip() if text.isascii() else text.strip(_SPACES + _INVISIBLE)


def unguard(cell: str) -> str:
    """Return the text of a cell that `guard` made. Spreadsheets write the same apostrophe before a text."""
    return cell[1:] if _GUARDED.match(cell) else cell
