"""Rows of a result, one at a time: to stdout or a file, as CSV or as JSON lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import typer

from harkara.errors import Invalid
from workers.command.output import note

CsvFile = Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv", help="File to write; default stdout.")]


def write_rows(to: Path | None, columns: Sequence[str], rows: Iterable[Sequence[object]], *, as_json: bool) -> None:
    """Write each row as it is read, so that memory does not grow with their number. Raises Invalid for the file."""
    from harkara.campaigns.spreadsheet import CsvWriter

    with open_csv(to, "csv", bom=not as_json) if to else nullcontext(sys.stdout) as file:
        if as_json:
            documents = (dict(zip(columns, row, strict=True)) for row in rows)
            file.writelines(json.dumps(document, ensure_ascii=False) + "\n" for document in documents)
        else:
            writer = CsvWriter(file)
            writer.write(columns)
            for row in rows:
                writer.write(row)
    if to:
        note(f"Wrote {to}.")


def open_csv(path: Path, option: str, *, bom: bool = True) -> TextIO:
    """Open a file to write; spreadsheets recognize UTF-8 by the byte order mark. Raises Invalid, with the option."""
    try:
        return path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="")
    except OSError as error:
        raise Invalid(option, f"cannot be written: {error.strerror}") from None


def open_private(path: Path, option: str) -> TextIO:
    """Open a new file that only this user can read: it has personal data. Raises Invalid, with the option."""
    try:
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except OSError as error:
        raise Invalid(option, f"cannot be written: {error.strerror}") from None
