"""Output: results on stdout, for people or as one JSON document; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

ERROR, MISSING, REFUSED, UNAVAILABLE = 1, 3, 4, 5
"""Exit codes; 2, wrong usage, is Typer's."""

Row = TypeVar("Row")

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_WIDTH = 1_000  # one line for each row, also in a pipe; a narrow terminal wraps by itself


def emit(result: Any) -> None:
    """Print the result as one JSON document."""
    typer.echo(json.dumps(result, ensure_ascii=False, default=dict))  # a MessageStatus is a mapping, but no dict


def print_line(text: str) -> None:
    """Print one line of the result."""
    console().print(printable(text), soft_wrap=True)


def note(text: str) -> None:
    """Print one line of progress, a warning or an error on stderr."""
    console(stderr=True).print(printable(text), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings, each on one line."""
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    console(width=_WIDTH).print(shown)


def progress(rows: Iterable[Row], what: str, total: Callable[[], int]) -> Iterable[Row]:
    """Yield the rows, with a progress bar if stderr is a terminal; `total` returns their approximate number."""
    screen = console(stderr=True)
    return track(rows, what, total(), console=screen, transient=True) if screen.is_terminal else rows


def clock(moment: datetime | str | None) -> str:
    """Return a time, or its ISO 8601 form, in this machine's zone."""
    if not moment:
        return ""
    time = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{time.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def console(**options: Any) -> Console:
    return Console(markup=False, highlight=False, emoji=False, **options)


def printable(text: str) -> str:
    """Replace control characters: Chat Mitra's texts are shown too, and must not control the terminal."""
    return _CONTROL.sub(" ", text)
