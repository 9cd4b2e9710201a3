"""`harkara cancel` and `harkara resolve`: decisions of an operator about messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import NotFound
from harkara.states import State
from workers.command.deployment import ledger
from workers.command.options import AsJson, By, Key, LaneOf, me
from workers.command.output import MISSING, REFUSED, emit, print_line

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.ledger.messages.commands import Decision


def cancel(
    keys: Annotated[list[str], typer.Argument(metavar="ID|REFERENCE...", help="Ids of messages, or your references.")],
    by: By = None,
    lane: LaneOf = None,
    as_json: AsJson = False,
) -> None:
    """Cancel messages that have not been sent. Exits with 4 if one has been sent, with 3 if one is unknown."""
    with ledger() as db:
        results = [_cancel(db, key, lane, by or me()) for key in keys]
    if as_json:
        emit({"messages": results})
    else:
        for result in results:
            print_line(f"{result['id'] or result['key']}  {_outcome(result)}")
    if any(result["id"] is None for result in results):
        raise typer.Exit(MISSING)
    if not all(result["cancelled"] for result in results):
        raise typer.Exit(REFUSED)


def resolve(
    key: Key,
    sent: Annotated[bool, typer.Option("--sent", help="It arrived.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send it again, possibly a second time.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Do not send it again.")] = False,
    by: By = None,
    lane: LaneOf = None,
    as_json: AsJson = False,
) -> None:
    """Decide about a message that is uncertain, or that waits for an operator."""
    from harkara.ledger.messages.commands import resolve as settle
    from harkara.ledger.messages.queries import find_id

    options: dict[Decision, bool] = {"sent": sent, "resend": resend, "drop": drop}
    chosen = [decision for decision, given in options.items() if given]
    if len(chosen) != 1:
        raise typer.BadParameter("give exactly one of these options", param_hint="--sent / --resend / --drop")
    with ledger() as db:
        identity = find_id(db, key, lane)
        state = settle(db, identity, chosen[0], by or me())
    if as_json:
        emit({"id": identity, "state": state})
    else:
        print_line(f"{identity}  {state}")


def _cancel(db: Database, key: str, lane: str | None, by: str) -> dict[str, Any]:
    from harkara.ledger.messages import commands
    from harkara.ledger.messages.queries import find_id, get_status

    try:
        identity = find_id(db, key, lane)
    except NotFound:
        return {"key": key, "id": None, "cancelled": False, "state": None}
    commands.cancel(db, [identity], by)
    state = get_status(db, identity).state
    return {"key": key, "id": identity, "cancelled": state == State.CANCELLED, "state": state}


def _outcome(result: dict[str, Any]) -> str:
    if result["id"] is None:
        return "not found"
    return "cancelled" if result["cancelled"] else f"too late: it is {result['state']}"
