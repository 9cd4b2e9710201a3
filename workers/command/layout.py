"""Layout of lines and tables for the width of a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

_GAP = "  "
_NARROWEST = 24
"""The fewest columns in which the last column of a table is still readable."""

_TOKEN = re.compile(r"\s*(?:`[^`]*`\S*|\S+)")
"""A word, or a command in backquotes, which stays on one line so that it can be copied."""

Row = Sequence[str]


def break_line(text: str, width: int | None, indent: str = "") -> list[str]:
    """Break a text between words into lines of at most `width` columns; the lines after the first have the indent.

    A word that is longer than a line stays whole. Without a width there is one line.
    """
    if width is None:
        return [text]
    lines = [""]
    for token in _TOKEN.findall(text):
        if lines[-1].strip() and cell_len(lines[-1] + token) > width:
            lines.append(indent + token.lstrip())
        else:
            lines[-1] += token
    return lines


def table_lines(columns: Row, rows: Sequence[Row], width: int | None) -> Iterator[str]:
    """Yield a heading and a line for each row if they fit into the width; the last column may take several lines.

    Otherwise each row is a block: its first two cells, then the others with their headings. Without a width each row is
    one line.
    """
    *widths, last = (max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True))
    left = sum(widths) + len(_GAP) * len(widths)
    if width is None or left + min(last, _NARROWEST) <= width:
        for row in (columns, *rows):
            yield from _table_row(row, widths, None if width is None else width - left, left)
    else:
        for row in rows:
            yield from _block(columns, row, width)


def _table_row(row: Row, widths: Sequence[int], room: int | None, left: int) -> Iterator[str]:
    *cells, text = row
    start = "".join(cell + " " * (wide - cell_len(cell)) + _GAP for cell, wide in zip(cells, widths, strict=True))
    first, *more = break_line(text, room)
    yield (start + first).rstrip()
    yield from (" " * left + line for line in more)


def _block(columns: Row, row: Row, width: int) -> Iterator[str]:
    yield _GAP.join(filter(None, row[:2]))
    line = ""
    for heading, cell in zip(columns[2:], row[2:], strict=True):
        if not cell:
            continue
        pair = f"{_GAP}{heading}: {cell}"
        if line and cell_len(line + pair) > width:
            yield from break_line(line, width, _GAP * 2)
            line = ""
        line += pair
    if line:
        yield from break_line(line, width, _GAP * 2)
