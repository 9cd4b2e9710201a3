"""`harkara campaign again`: a second round to the recipients whose message failed."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Annotated

import typer

from workers.command.campaign.settings import campaign_settings
from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign, me, time_option
from workers.command.output import emit, note, print_line


def again(
    key: Campaign,
    name: Annotated[str, typer.Option(help="Name of the new campaign.")],
    codes: Annotated[
        list[str] | None, typer.Option("--code", help="Only messages that failed with this code; repeat it for each.")
    ] = None,
    agreed_only: Annotated[
        bool, typer.Option("--agreed-only", help="Skip recipients whose agreement to marketing is not recorded.")
    ] = False,
    expires: Annotated[datetime | None, time_option("Messages that are not sent by then are cancelled.")] = None,
    as_json: AsJson = False,
) -> None:
    """Load a campaign for those whose message failed in another one. Consent is checked again; nothing is sent yet."""
    from harkara.ledger.campaigns import queries
    from harkara.ledger.campaigns.again import create_second_round
    from harkara.ledger.users.acts import Actor

    known = campaign_settings()
    with ledger() as db:
        found = queries.get_campaign(db, key)
        plan, loaded, rejects = create_second_round(
            db,
            found,
            name,
            known,
            codes=codes or (),
            agreed_only=agreed_only,
            expires=expires,
            actor=Actor(me(), "command"),
        )
    if as_json:
        result = {"id": plan.id, "name": plan.name, "audience": loaded.audience, "rejected": loaded.rejected}
        emit(result | {"by_code": rejects.by_code})
        return
    print_line(f"{plan.name}  recipients: {loaded.audience:,}, rejected: {loaded.rejected:,}  ({plan.id})")
    note(f"Nothing is sent yet: run `harkara campaign start {shlex.quote(plan.name)}`.")
