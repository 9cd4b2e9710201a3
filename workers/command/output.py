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
_WIDTH = 1_000  # a line for each row, whatever reads it; a narrow terminal wraps by itself


def emit(result: Any) -> None:
    """The result for machines: one JSON document."""
    typer.echo(json.dumps(result, ensure_ascii=False))


def say(text: str) -> None:
    """One line of the result."""
    _console().print(_printable(text), soft_wrap=True)


def note(text: str) -> None:
    """One line beside the result: progress, a warning, an error."""
    _console(stderr=True).print(_printable(text), soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under headings, each on one line."""
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        shown.add_row(*("" if cell is None else _printable(str(cell)) for cell in row))
    _console(width=_WIDTH).print(shown)


def clock(moment: str | None) -> str:
    """An ISO time in this machine's zone, as people read it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S %Z}" if moment else ""


def _console(**options: Any) -> Console:
    return Console(markup=False, highlight=False, emoji=False, **options)


def _printable(text: str) -> str:
    """Chat Mitra's own words are shown too, and must not steer a terminal."""
    return _CONTROL.sub(" ", text)
