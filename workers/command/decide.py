"""`harkara cancel` and `harkara resolve`: what a person decides about messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import NotFound
from harkara.states import State
from workers.command.deployment import ledger
from workers.command.options import AsJson, By, Key, LaneOf, me
from workers.command.output import MISSING, REFUSED, emit, say

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.ledger.messages.commands import Decision


def cancel(
    keys: Annotated[list[str], typer.Argument(metavar="ID|REFERENCE...", help="Ids, or your own references.")],
    by: By = None,
    lane: LaneOf = None,
    as_json: AsJson = False,
) -> None:
    """Cancel messages that have not left yet. Ends with 4 when one has, and with 3 when one is not known."""
    with ledger() as db:
        results = [_cancel(db, key, lane, by or me()) for key in keys]
    if as_json:
        emit({"messages": results})
    else:
        for result in results:
            say(f"{result['id'] or result['key']}  {_outcome(result)}")
    if any(result["id"] is None for result in results):
        raise typer.Exit(MISSING)
    if not all(result["cancelled"] for result in results):
        raise typer.Exit(REFUSED)


def resolve(
    key: Key,
    sent: Annotated[bool, typer.Option("--sent", help="Somebody saw that it arrived.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send it once more, perhaps a second time.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Let it be.")] = False,
    by: By = None,
    lane: LaneOf = None,
    as_json: AsJson = False,
) -> None:
    """Settle a message whose fate nobody knows, or that is parked."""
    from harkara.ledger.messages.commands import find_id
    from harkara.ledger.messages.commands import resolve as settle

    wishes: dict[Decision, bool] = {"sent": sent, "resend": resend, "drop": drop}
    chosen = [decision for decision, wish in wishes.items() if wish]
    if len(chosen) != 1:
        raise typer.BadParameter("give exactly one of them", param_hint="--sent / --resend / --drop")
    with ledger() as db:
        identity = find_id(db, key, lane)
        state = settle(db, identity, chosen[0], by or me())
    if as_json:
        emit({"id": identity, "state": state})
    else:
        say(f"{identity}  {state}")


def _cancel(db: Database, key: str, lane: str | None, by: str) -> dict[str, Any]:
    from harkara.ledger.messages import commands
    from harkara.ledger.messages.queries import get_status

    try:
        identity = commands.find_id(db, key, lane)
    except NotFound:
        return {"key": key, "id": None, "cancelled": False, "state": None}
    commands.cancel(db, [identity], by)
    state = get_status(db, identity).state
    return {"key": key, "id": identity, "cancelled": state == State.CANCELLED, "state": state}


def _outcome(result: dict[str, Any]) -> str:
    if result["id"] is None:
        return "not found"
    return "cancelled" if result["cancelled"] else f"too late: it is {result['state']}"
