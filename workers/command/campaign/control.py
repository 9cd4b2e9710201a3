"""`harkara campaign start`, `pause`, `resume`, `cancel` and `list`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harkara.states import CampaignState
from workers.command.deployment import ledger
from workers.command.local_time import LocalTime
from workers.command.options import AsJson, By, Campaign, actor, me, time_option
from workers.command.output import emit, note, print_line, table

if TYPE_CHECKING:
    from harkara.ledger.database import Database


def start(
    key: Campaign,
    at: Annotated[datetime | None, time_option("Start at this time instead of now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start a campaign, now or at a time."""
    from harkara.ledger.campaigns import commands, queries

    with ledger() as db:
        identity = queries.get_campaign(db, key).id
        commands.start(db, identity, at, actor=actor())
        _report(db, identity, as_json)


def pause(
    key: Campaign,
    reason: Annotated[str | None, typer.Option(help="The reason, for the record.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pause a campaign: its messages wait, except those that already have their slot."""
    from harkara.ledger.campaigns import commands, queries

    with ledger() as db:
        identity = queries.get_campaign(db, key).id
        commands.pause(db, identity, reason or f"Decided by {me()}.", actor=actor())
        _report(db, identity, as_json)


def resume(
    key: Campaign,
    stop_loss: Annotated[str | None, typer.Option(metavar="AMOUNT", help="A new stop-loss, such as 8000.")] = None,
    as_json: AsJson = False,
) -> None:
    """Resume a paused campaign. One that paused after its canary goes on with the rest."""
    from harkara.ledger.campaigns import commands, queries
    from harkara.ledger.campaigns.create import parse_stop_loss
    from workers.command.campaign.settings import campaign_settings

    prices = campaign_settings().prices if stop_loss else None
    limit = (parse_stop_loss(stop_loss, prices), prices.currency) if stop_loss and prices else None
    with ledger() as db:
        identity = queries.get_campaign(db, key).id
        commands.resume(db, identity, stop_loss=limit, actor=actor())
        _report(db, identity, as_json)


def cancel(key: Campaign, by: By = None, as_json: AsJson = False) -> None:
    """Cancel every message of a campaign that has not been sent. This cannot be undone."""
    from harkara.ledger.campaigns import commands, queries

    with ledger() as db:
        identity = queries.get_campaign(db, key).id
        withdrawn = commands.cancel(db, identity, by or me(), actor=actor(by))
        _report(db, identity, as_json, withdrawn=withdrawn)


def listing(as_json: AsJson = False) -> None:
    """List the campaigns, newest first."""
    from harkara.ledger.campaigns import queries

    with ledger() as db:
        found = queries.list_campaigns(db)
    if as_json:
        emit({"campaigns": found})
    elif found:
        local = LocalTime()
        rows = ((c.name, c.state, c.audience, c.lane, local.show(c.created_at, c.lane), c.reason) for c in found)
        table(("name", "state", "audience", "lane", "loaded", "reason"), rows)
    else:
        note("There is no campaign yet: `harkara campaign new FILE.csv --template KIND` creates one.")


def _report(db: Database, identity: str, as_json: bool, **more: Any) -> None:
    from harkara.ledger.campaigns import queries

    found = queries.get_progress(db, identity)
    if as_json:
        emit(dict(found) | more)
        return
    when = f" from {LocalTime().show(found.start_at, found.lane)}" if found.state is CampaignState.SCHEDULED else ""
    numbers = ", ".join(f"{number:,} {state}" for state, number in sorted(found.by_state.items()))
    stage = f", stage {found.stage} of {found.stages}" if found.stages > 1 else ""
    print_line(f"{found.name}  {found.state}{when}{stage}  ({numbers})")
    for sentence in found.steps:
        note(sentence)
