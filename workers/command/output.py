"""What the command prints: results on stdout for people or as one JSON document, the rest on stderr."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

ERROR, MISSING, REFUSED, UNAVAILABLE = 1, 3, 4, 5
"""Exit codes; 2, wrong usage, is Typer's."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_PIPED_WIDTH = 1_000  # a line for each message, whatever reads it


def emit(result: Any) -> None:
    """The result for machines: one JSON document."""
    typer.echo(json.dumps(result, ensure_ascii=False))


def say(text: str) -> None:
    """One line of the result."""
    _stdout().print(_printable(text), soft_wrap=True)


def note(text: str) -> None:
    """One line beside the result: progress, a warning, an error."""
    Console(stderr=True, markup=False, highlight=False, emoji=False).print(_printable(text), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: int = 1) -> None:
    """Rows under headings; the first `whole` columns are never broken or cut."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        shown.add_column(column, no_wrap=place < whole, overflow="fold")
    for row in rows:
        shown.add_row(*("" if cell is None else _printable(str(cell)) for cell in row))
    _stdout().print(shown)


def clock(moment: str | None) -> str:
    """An ISO time in this machine's zone, as people read it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def _stdout() -> Console:
    console = Console(markup=False, highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def _printable(text: str) -> str:
    """Chat Mitra's own words are shown too, and must not steer a terminal."""
    return _CONTROL.sub(" ", text)
