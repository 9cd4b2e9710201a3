"""`harkara campaign report`: the result for each recipient."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.command.deployment import catalogue, ledger
from workers.command.options import AsJson, Campaign
from workers.command.rows import CsvFile, write_rows

_OF_PEOPLE = ("recipient", "name")


def report(
    key: Campaign,
    to: CsvFile = None,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Include number and name; for staff who may see them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a line for each recipient: row, state, code, reason, answer, opt-out and job id, as CSV or JSON lines.

    With --numbers also the number, and the name that the message addresses. Both are empty once they are erased.
    """
    from harkara.campaigns.status import RecipientReport
    from harkara.ledger.campaigns import queries

    columns = [name for name in RecipientReport._fields if numbers or name not in _OF_PEOPLE]
    with ledger() as db:
        found = queries.get_campaign(db, key)
        lines = queries.report(db, found.id, numbers=numbers, name_at=_name_position(found.kind) if numbers else None)
        rows = ([getattr(line, name) for name in columns] for line in lines)
        write_rows(to, columns, rows, as_json=as_json)


def _name_position(kind: str) -> int | None:
    """Return the position of the recipient's name among the body's parameters; None if the kind has no name."""
    from harkara.campaigns.recipient_name import name_position

    known = catalogue().kind.get(kind)
    return name_position(known.body) if known else None
