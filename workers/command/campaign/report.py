"""`harkara campaign report`: the result for each recipient."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from harkara.campaigns.status import RecipientReport
from harkara.errors import Invalid
from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign
from workers.command.output import note


def report(
    key: Campaign,
    to: Annotated[Path | None, typer.Option("--csv", metavar="FILE.csv", help="File to write; default stdout.")] = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Include the recipients' numbers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a line for each recipient: row, state, code, reason and job id, as CSV or as JSON lines."""
    from harkara.ledger.campaigns import queries

    with ledger() as db:
        rows = queries.report(db, queries.get_campaign(db, key).id, numbers=numbers)
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


def _write(rows: Iterator[RecipientReport], file: TextIO, numbers: bool, as_json: bool) -> None:
    """Write each row as it is read, so that memory does not grow with the audience."""
    columns = [name for name in RecipientReport._fields if numbers or name != "recipient"]
    values = ([getattr(row, name) for name in columns] for row in rows)
    if as_json:
        file.writelines(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n" for row in values)
    else:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(values)
