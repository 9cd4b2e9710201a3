"""`harkara consent show` and `export`: the consent of one person, and every record."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson
from workers.command.output import emit, print_line, table
from workers.command.rows import CsvFile, write_rows

COLUMNS = ("to", "lane", "wish", "category", "at", "how", "proof")


def show(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Customer's number, or the user id of a callback.")],
    lane: Annotated[str | None, typer.Option(help="Only this lane.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a customer's consent in each lane, their names, when they last wrote, and every record."""
    from harkara.ledger.contacts.queries import find_name, list_contacts

    with ledger() as db:
        found = [
            record.to_dict()
            for record in list_contacts(db, find_name(db, number, None if lane is None else [lane]), lane)
        ]
    if as_json:
        emit({"lanes": found})
        return
    local = LocalTime()
    for each in found:
        _report(each, local)


def export(
    to: CsvFile = None,
    lane: Annotated[str | None, typer.Option(help="Only this lane.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print every opt-out and opt-in with its number, oldest first, as CSV for `import` or as JSON lines."""
    from harkara.ledger.contacts.queries import iterate_proofs
    from harkara.people.names import write_name

    with ledger() as db:
        found = ({"to": write_name(p.recipient), "lane": p.lane, **p.to_dict()} for p in iterate_proofs(db, lane))
        rows = ([row[name] for name in COLUMNS] for row in found)
        write_rows(to, COLUMNS, rows, as_json=as_json)


def _report(found: dict[str, Any], local: LocalTime) -> None:
    lane = found["lane"]
    stopped = f"opted out of {'all messages' if found['stopped'] == 'everything' else 'marketing'}"
    agreed = (
        f"agreed to marketing {local.show(found['agreed_at'], lane)}"
        if found["agreed_at"]
        else "has not agreed to marketing"
    )
    print_line(f"Lane {lane}: {stopped if found['stopped'] else agreed}")
    if len(found["names"]) > 1:
        print_line(f"Known as {', '.join(found['names'])}")
    print_line(f"Last wrote {local.show(found['wrote_at'], lane) or 'never, as far as Harkara knows'}")
    rows = ((local.show(p["at"], lane), p["wish"], p["category"], p["how"], p["proof"]) for p in found["proofs"])
    table(("when", "wish", "of", "how", "proof"), rows)
