"""`harkara alarms`: list the alarms of missed goals, and acknowledge one."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, By, me
from workers.command.output import emit, print_line, table

app = typer.Typer(no_args_is_help=True, help="Show the alarms of missed goals; acknowledge one.")


@app.command("list", epilog="Example: harkara alarms list --all")
def listing(
    every: Annotated[bool, typer.Option("--all", help="Also closed alarms, for 90 days.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the alarms that are open, with what was found when they opened."""
    from harkara.ledger.alarms.alarms import list_alarms

    with ledger() as db:
        found = list_alarms(db, open_only=not every, limit=limit)
    if as_json:
        emit({"alarms": [dict(each) for each in found]})
        return
    if not found:
        print_line("No alarms." if every else "No alarm is open.")
        return
    local = LocalTime()
    columns = ("id", "goal", "state", "opened", "by", "finding")
    table(
        columns,
        (
            (
                each.id,
                each.title,
                each.state,
                local.show(each.opened_at, each.lane),
                each.acknowledged_by,
                each.sentence,
            )
            for each in found
        ),
    )


@app.command(epilog="Example: harkara alarms acknowledge alarm_0199a1b2 --by Asha")
def acknowledge(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of an alarm.")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Acknowledge an open alarm: others see who takes care of it. Exits with 3 if it is unknown, with 4 if closed."""
    from harkara.ledger.alarms import alarms
    from harkara.ledger.users.acts import Actor

    actor = Actor(by or me(), "command")
    with ledger() as db:
        found = alarms.acknowledge(db, identity, actor.name, actor=actor)
    if as_json:
        emit(dict(found))
    else:
        print_line(f"{found.id}  {found.title}: acknowledged by {found.acknowledged_by}")
