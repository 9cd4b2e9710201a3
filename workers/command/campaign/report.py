"""`harkara campaign report`: the result for each recipient."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from harkara.errors import Invalid
from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign
from workers.command.output import note

_COLUMNS = ("row", "state", "code", "reason", "job_id", "id")


def report(
    key: Campaign,
    to: Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv", help="File to write; default stdout.")] = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Include the recipients' numbers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a line for each recipient: row, state, code, reason and job id, as CSV or as JSON lines."""
    from harkara.ledger.campaigns import commands, queries

    with ledger() as db:
        rows = queries.report(db, commands.find(db, key)["id"], numbers=numbers)
        if to is None:
            _write(rows, sys.stdout, numbers, as_json)
            return
        try:
            file = to.open("w", encoding="utf-8" if as_json else "utf-8-sig", newline="")
        except OSError as error:
            raise Invalid("csv", f"cannot be written: {error.strerror}") from None
        with file:
            _write(rows, file, numbers, as_json)
    note(f"Wrote {to}.")


def _write(rows: Iterator[dict[str, Any]], file: TextIO, numbers: bool, as_json: bool) -> None:
    """Write each row as it is read, so that memory does not grow with the audience."""
    if as_json:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        writer = csv.DictWriter(file, ("row", "recipient", *_COLUMNS[1:]) if numbers else _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
