"""`harkara campaign report`: the result for each recipient."""

from __future__ import annotations

from typing import Annotated

import typer

from harkara.campaigns.status import RecipientReport
from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign
from workers.command.rows import CsvFile, write_rows


def report(
    key: Campaign,
    to: CsvFile = None,
    numbers: Annotated[bool, typer.Option("--numbers", help="Include the recipients' numbers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a line for each recipient: row, state, code, reason and job id, as CSV or as JSON lines."""
    from harkara.ledger.campaigns import queries

    columns = [name for name in RecipientReport._fields if numbers or name != "recipient"]
    with ledger() as db:
        found = queries.report(db, queries.get_campaign(db, key).id, numbers=numbers)
        rows = ([getattr(row, name) for name in columns] for row in found)
        write_rows(to, columns, rows, as_json=as_json)
