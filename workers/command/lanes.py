"""`harkara lanes`: the allowance of each account, its messages, and whether it is parked."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.errors import HarkaraError, Invalid
from workers.command.deployment import check_redis, configured, ledger, log_to_stderr
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, me
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.database import Database

app = typer.Typer(invoke_without_command=True, help="Show the lanes; park or unpark one.")

Name = Annotated[str, typer.Argument(help="The lane.")]


@app.callback(epilog="Example: harkara lanes --json")
def lanes(ctx: typer.Context, as_json: AsJson = False) -> None:
    if ctx.invoked_subcommand:
        return
    with ledger() as db:
        found = _lanes(db)
    if as_json:
        emit({"lanes": found})
    else:
        _show(found)


@app.command(epilog='Example: harkara lanes park default --reason "The template is wrong"')
def park(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="The reason, for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Park a lane: its messages wait, and no attempt is spent."""
    from harkara.ledger.lane_commands import park_lane
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        _check(db, name)
        park_lane(db, name, reason or "", by=Actor(me(), "command"))
    _report({"lane": name, "state": "parked"}, f"{name}  parked", as_json)


@app.command(epilog="Example: harkara lanes unpark default")
def unpark(name: Name, as_json: AsJson = False) -> None:
    """Unpark a lane, and every paused template of it."""
    from harkara.ledger.lane_commands import unpark_lane
    from harkara.ledger.users.acts import Actor

    with ledger() as db:
        _check(db, name)
        lifted = unpark_lane(db, name, by=Actor(me(), "command"))
    if lifted:
        _dispatch()
    _report({"lane": name, "state": "open", "lifted": lifted}, f"{name}  open, halts lifted: {lifted}", as_json)


def _lanes(db: Database) -> list[dict[str, Any]]:
    from harkara.ledger import halts
    from harkara.ledger.messages import undone

    known, messages, halted = configured(), undone.count_undone(db), halts.list_halts(db)
    found = []
    for name in sorted(known.keys() | undone.known_lanes(db, messages) | {halt.lane for halt in halted}):
        of_lane = [halt for halt in halted if halt.lane == name]
        whole = next((halt._asdict() for halt in of_lane if halt.template is None), {"state": "open"})
        allowance = known[name].allowance if name in known else None
        found.append(
            {
                "lane": name,
                "configured": name in known,
                "allowance": str(allowance or "none") if name in known else None,
                **{key: whole.get(key) for key in ("state", "code", "reason", "since", "until")},
                "templates": [halt._asdict() for halt in of_lane if halt.template],
                "messages": messages.get(name, {}),
            }
        )
    return found


def _show(found: list[dict[str, Any]]) -> None:
    if not found:
        note("No lane is configured: set CHATMITRA_API_TOKEN, the token of the lane `default`.")
        return
    local = LocalTime()
    rows = [
        (
            lane["lane"],
            lane["state"] if lane["configured"] else f"not configured, {lane['state']}",
            lane["allowance"] or "",
            ", ".join(f"{number} {state}" for state, number in sorted(lane["messages"].items())),
            local.show(lane["since"], lane["lane"]),
            lane["reason"],
        )
        for lane in found
    ]
    rows += [
        (
            lane["lane"],
            f"template {halt['template']} {halt['state']}",
            "",
            "",
            local.show(halt["since"], lane["lane"]),
            halt["reason"],
        )
        for lane in found
        for halt in lane["templates"]
    ]
    table(("lane", "state", "allowance", "messages", "since", "reason"), sorted(rows, key=itemgetter(0)))


def _check(db: Database, name: str) -> None:
    from harkara.ledger.messages.undone import known_lanes

    known = sorted(configured().keys() | known_lanes(db))
    if name not in known:
        raise Invalid("lane", f"is unknown; known lanes: {', '.join(known) or 'none'}")


def _dispatch() -> None:
    """Dispatch at once what was held. If that fails, the workers do it within a second."""
    log_to_stderr()
    try:
        from config.wiring.background import dispatcher
        from config.wiring.shared import database

        check_redis(database())
        dispatcher().dispatch(at_once=True)
    except (HarkaraError, SystemExit) as error:
        note(f"Not dispatched from here; the workers dispatch within a second. {error}")


def _report(result: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        emit(result)
    else:
        print_line(words)
