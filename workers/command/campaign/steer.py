"""`harkara campaign start`, `pause`, `resume`, `cancel` and `list`: what a person decides about campaigns."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.command.deployment import ledger
from workers.command.options import AsJson, By, Campaign, me, time_option
from workers.command.output import clock, emit, note, say, table

if TYPE_CHECKING:
    from harkara.ledger.database import Database


def start(
    key: Campaign,
    at: Annotated[datetime | None, time_option("Not now, but by itself at this time.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a campaign go, now or at a time."""
    from harkara.ledger.campaigns import commands

    with ledger() as db:
        identity = commands.find(db, key)["id"]
        commands.start(db, identity, at)
        _tell(db, identity, as_json)


def pause(
    key: Campaign,
    reason: Annotated[str | None, typer.Option(help="Why, for whoever asks later.")] = None,
    as_json: AsJson = False,
) -> None:
    """Hold a campaign: what no worker is about to send waits, and nothing burns."""
    from harkara.ledger.campaigns import commands

    with ledger() as db:
        identity = commands.find(db, key)["id"]
        commands.pause(db, identity, reason or f"Decided by {me()}.")
        _tell(db, identity, as_json)


def resume(key: Campaign, as_json: AsJson = False) -> None:
    """Let a paused campaign go on."""
    from harkara.ledger.campaigns import commands

    with ledger() as db:
        identity = commands.find(db, key)["id"]
        commands.resume(db, identity)
        _tell(db, identity, as_json)


def cancel(key: Campaign, by: By = None, as_json: AsJson = False) -> None:
    """Cancel all of a campaign that has not left yet, for good."""
    from harkara.ledger.campaigns import commands

    with ledger() as db:
        identity = commands.find(db, key)["id"]
        withdrawn = commands.cancel(db, identity, by or me())
        _tell(db, identity, as_json, withdrawn=withdrawn)


def listing(as_json: AsJson = False) -> None:
    """List the campaigns, newest first."""
    from harkara.ledger.campaigns import queries

    with ledger() as db:
        found = queries.listing(db)
    if as_json:
        emit({"campaigns": found})
    elif found:
        rows = ((c["name"], c["state"], c["audience"], c["lane"], clock(c["created_at"]), c["reason"]) for c in found)
        table(("name", "state", "audience", "lane", "loaded", "reason"), rows)
    else:
        note("There is no campaign yet: `harkara campaign new FILE.csv --template KIND` makes one.")


def _tell(db: Database, identity: str, as_json: bool, **more: Any) -> None:
    from harkara.ledger.campaigns import queries

    found = queries.progress(db, identity) | more
    if as_json:
        emit(found)
        return
    when = f" from {clock(found['start_at'])}" if found["state"] == "scheduled" else ""
    numbers = ", ".join(f"{number:,} {state}" for state, number in sorted(found["by_state"].items()))
    say(f"{found['name']}  {found['state']}{when}  ({numbers})")
