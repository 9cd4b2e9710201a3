"""`harkara callbacks`: list callbacks that are not delivered, and retry dead ones."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, me
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.callbacks.dead_callbacks import CallbackRecord

app = typer.Typer(no_args_is_help=True, help="Show callbacks that are not delivered; retry them.")

State = Literal["waiting", "dead"]


@app.command("list", epilog="Example: harkara callbacks list --state dead")
def listing(
    state: Annotated[State | None, typer.Option(help="Only callbacks in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Largest number of rows, oldest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List callbacks that wait or are dead, with the reason, the tries and the time of the next try."""
    from harkara.ledger.callbacks import dead_callbacks

    with ledger() as db:
        numbers = dead_callbacks.count_callbacks(db)
        rows = dead_callbacks.list_callbacks(db, [state] if state else ["waiting", "dead"], limit)
    found = [_shown(row) for row in rows]
    if as_json:
        emit(numbers | {"callbacks": found})
    else:
        _show(numbers, found)


@app.command(epilog="Example: harkara callbacks retry --dead")
def retry(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids of callbacks.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Retry all dead callbacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Retry callbacks now, and for another day. Exits with 3 if one is unknown, with 4 if its data is deleted."""
    from harkara.ledger.callbacks import dead_callbacks
    from harkara.ledger.users.acts import Actor

    if bool(ids) == dead:
        raise typer.BadParameter("give ids, or --dead for all dead callbacks", param_hint="ID... / --dead")
    actor = Actor(me(), "command")
    with ledger() as db:
        if ids:
            dead_callbacks.retry(db, ids, actor=actor)
        number = len(set(ids)) if ids else dead_callbacks.retry_dead(db, actor=actor)
    _warn_without_url()
    if as_json:
        emit({"retried": number})
    else:
        print_line(f"Retried: {number}")


def _shown(row: CallbackRecord) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(row).items()}


def _show(numbers: dict[str, int], found: list[dict[str, Any]]) -> None:
    print_line(f"{numbers['waiting']} waiting, {numbers['dead']} dead")
    if found:
        columns = ("id", "kind", "subject", "state", "tries", "next", "reason")
        local = LocalTime()
        table(columns, (_cells(row, local) for row in found))


def _cells(row: dict[str, Any], local: LocalTime) -> tuple[Any, ...]:
    following = local.show(row["due_at"]) if row["state"] == "waiting" else ""
    return row["id"], row["kind"], row["subject"], row["state"], row["tries"], following, row["reason"]


def _warn_without_url() -> None:
    from config.settings import settings

    if not settings().callbacks_enabled:
        note("HARKARA_CALLBACK_URL is not set: no callback is delivered until the workers have it.")
