"""Output: results on stdout, for people or as one JSON document; progress, warnings and errors on stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from workers.command.layout import break_line, table_lines

if TYPE_CHECKING:  # Rich takes 0.1 s to import, which most commands need not spend
    from rich.console import Console

ERROR, MISSING, REFUSED, UNAVAILABLE = 1, 3, 4, 5
"""Exit codes; 2, wrong usage, is Typer's."""

Row = TypeVar("Row")

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def allow_any_text() -> None:
    """Let stdout and stderr take any text, whatever the locale says: files and pipes in UTF-8, as stdin is read.

    A terminal of another encoding shows a character that it lacks as its number. After a command has done its work, it
    would end with the error of an encoding.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding=None if stream.isatty() else "utf-8", errors="backslashreplace")


def emit(result: Any) -> None:
    """Print the result as one JSON document."""
    typer.echo(json.dumps(result, ensure_ascii=False, default=dict))  # a MessageStatus is a mapping, but no dict


def print_line(text: str) -> None:
    """Print one line of the result."""
    _print(text, err=False)


def note(text: str) -> None:
    """Print one line of progress, a warning or an error on stderr."""
    _print(text, err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings: as wide as the terminal, and into a file or a pipe one line for each row."""
    cells = [["" if cell is None else printable(str(cell)).replace("\n", " ") for cell in row] for row in rows]
    for line in table_lines(columns, cells, _width()):
        typer.echo(line)


def progress(rows: Iterable[Row], what: str, total: Callable[[], int]) -> Iterable[Row]:
    """Yield the rows, with a progress bar if stderr is a terminal; `total` returns their approximate number."""
    if not sys.stderr.isatty():
        return rows
    from rich.progress import track

    return track(rows, what, total(), console=console(stderr=True), transient=True)


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Yield what shows a text in the last line of the terminal; it shows nothing if stderr is none."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    try:
        yield lambda text: typer.echo(f"\r{text}\x1b[K", nl=False, err=True)
    finally:
        typer.echo("\r\x1b[K", nl=False, err=True)


def console(**options: Any) -> Console:
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, **options)


def printable(text: str) -> str:
    """Replace control characters: Chat Mitra's texts are shown too, and must not control the terminal."""
    return _CONTROL.sub(" ", text)


def _print(text: str, *, err: bool) -> None:
    width = _width()
    for line in printable(text).split("\n"):
        typer.echo("\n".join(break_line(line, width)), err=err)


def _width() -> int | None:
    """Return the width of the terminal, or what COLUMNS says; None for a file or a pipe, whose lines stay whole."""
    return get_terminal_size((0, 0)).columns or None
