"""`harkara acts`: who did what in the console and by command."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson
from workers.command.output import emit, note, table


def acts(
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this person did.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what people did, the newest first. No row of this log is ever changed or deleted."""
    from harkara.ledger.users.acts import ACTS, list_acts

    with ledger() as db:
        found = list_acts(db, name=by, limit=limit)
    if as_json:
        emit({"acts": [asdict(act) | {"at": act.at.isoformat()} for act in found]})
    elif found:
        local = LocalTime()
        columns = ("time", "name", "in", "act", "to what", "number", "details")
        rows = (
            (
                local.show(act.at),
                act.name,
                act.source,
                ACTS.get(act.act, act.act),
                act.subject,
                act.number,
                act.filter,
            )
            for act in found
        )
        table(columns, rows)
    else:
        note("There are no such acts.")
