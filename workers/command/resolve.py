"""`harkara cancel`, `resend` and `resolve`: decisions of an operator about one message, or about all that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import NotFound
from harkara.states import State
from workers.command.deployment import ledger
from workers.command.filters import Filters, with_filters
from workers.command.options import AsJson, By, actor
from workers.command.output import MISSING, REFUSED, emit, print_line
from workers.command.selection import Token, Yes, act_on_all, act_on_one

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.ledger.messages.commands import Decision
    from harkara.ledger.users.acts import Actor

Keys = Annotated[
    list[str] | None, typer.Argument(metavar="[ID|REFERENCE...]", help="Ids of messages, or your references.")
]
OneKey = Annotated[str | None, typer.Argument(metavar="[ID|REFERENCE]", help="Id of the message, or your reference.")]


@with_filters
def cancel(
    filters: Filters, keys: Keys = None, token: Token = None, yes: Yes = False, by: By = None, as_json: AsJson = False
) -> None:
    """Cancel messages that have not been sent. Exits with 4 if one has been sent, with 3 if one is unknown.

    With filters instead of ids it shows what it would cancel, and a token that cancels exactly that.
    """
    if _is_for_all(keys, filters):
        return act_on_all("cancel", filters, token, yes, actor(by), as_json)
    with ledger() as db:
        results = [_cancel(db, key, filters.lane, actor(by)) for key in keys or ()]
    _report(results, "cancelled", as_json)


@with_filters
def resend(
    filters: Filters, keys: Keys = None, token: Token = None, yes: Yes = False, by: By = None, as_json: AsJson = False
) -> None:
    """Send messages once more: uncertain and parked ones, and failed ones as new messages. Exits with 4 if one cannot.

    With filters instead of ids it shows what it would send, and a token that sends exactly that.
    """
    if _is_for_all(keys, filters):
        return act_on_all("resend", filters, token, yes, actor(by), as_json)
    with ledger() as db:
        results = [_resend(db, key, filters.lane, actor(by)) for key in keys or ()]
    _report(results, "resent", as_json)


@with_filters
def resolve(
    filters: Filters,
    key: OneKey = None,
    sent: Annotated[bool, typer.Option("--sent", help="It arrived.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="Send it again, possibly a second time.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Do not send it again.")] = False,
    token: Token = None,
    yes: Yes = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Decide about a message that is uncertain, or that waits for an operator.

    With filters instead of an id it shows what it would decide about, and a token that does exactly that.
    """
    from harkara.ledger.messages.commands import resolve as settle
    from harkara.ledger.messages.queries import find_id

    options: dict[Decision, bool] = {"sent": sent, "resend": resend, "drop": drop}
    chosen = [decision for decision, given in options.items() if given]
    if len(chosen) != 1:
        raise typer.BadParameter("give exactly one of these options", param_hint="--sent / --resend / --drop")
    if _is_for_all(key, filters):
        if resend:
            raise typer.BadParameter("`harkara resend` sends many once more", param_hint="--resend")
        return act_on_all(chosen[0], filters, token, yes, actor(by), as_json)
    with ledger() as db:
        identity, decider = find_id(db, key or "", filters.lane), actor(by)
        state = settle(db, identity, chosen[0], decider.name, actor=decider)
    if as_json:
        emit({"id": identity, "state": state})
    else:
        print_line(f"{identity}  {state}")


def _is_for_all(keys: list[str] | str | None, filters: Filters) -> bool:
    if bool(keys) == filters.given:
        raise typer.BadParameter("give ids or references, or filters", param_hint="ID|REFERENCE")
    return not keys


def _cancel(db: Database, key: str, lane: str | None, by: Actor) -> dict[str, Any]:
    from harkara.ledger.messages import commands
    from harkara.ledger.messages.queries import find_id, get_status

    try:
        identity = find_id(db, key, lane)
    except NotFound:
        return {"key": key, "id": None, "cancelled": False, "state": None}
    commands.cancel(db, [identity], by.name, actor=by)
    state = get_status(db, identity).state
    return {"key": key, "id": identity, "cancelled": state == State.CANCELLED, "state": state}


def _resend(db: Database, key: str, lane: str | None, by: Actor) -> dict[str, Any]:
    from harkara.ledger.messages.queries import find_id, get_status

    try:
        identity = find_id(db, key, lane)
    except NotFound:
        return {"key": key, "id": None, "resent": False, "state": None}
    resent = act_on_one(db, "resend", identity, by)
    return {"key": key, "id": identity, "resent": resent, "state": get_status(db, identity).state}


def _report(results: list[dict[str, Any]], done: str, as_json: bool) -> None:
    if as_json:
        emit({"messages": results})
    else:
        for result in results:
            print_line(f"{result['id'] or result['key']}  {_outcome(result, done)}")
    if any(result["id"] is None for result in results):
        raise typer.Exit(MISSING)
    if not all(result[done] for result in results):
        raise typer.Exit(REFUSED)


def _outcome(result: dict[str, Any], done: str) -> str:
    if result["id"] is None:
        return "not found"
    if result[done]:
        return done
    return f"too late: it is {result['state']}" if done == "cancelled" else f"not possible: it is {result['state']}"
