"""`harkara backup`: write the ledger into one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.command.deployment import ledger
from workers.command.options import AsJson
from workers.command.output import emit, print_line

NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="New file, which only you can read.")]


def backup(file: NewFile, as_json: AsJson = False) -> None:
    """Back the ledger up into a new file while everything runs. The file has numbers and texts of customers.

    For PostgreSQL it is what pg_dump writes in its custom format, which pg_restore reads; for SQLite it is a database.
    """
    from config.environment import process_environment
    from harkara.ledger.backup import back_up

    with ledger() as db:
        size = back_up(db, file, process_environment())
    if as_json:
        emit({"file": str(file), "bytes": size})
    else:
        print_line(f"{file}: {size:,} bytes, read again without an error")
