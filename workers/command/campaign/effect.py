"""`harkara campaign effect`: the answers of those who got a campaign, against those who were held out."""

from __future__ import annotations

from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign
from workers.command.output import emit, note, print_line


def effect(key: Campaign, as_json: AsJson = False) -> None:
    """Compare how many recipients wrote with how many of those who got nothing, with the certainty."""
    from harkara.ledger.campaigns import queries
    from harkara.ledger.campaigns.effects import get_effect

    with ledger() as db:
        found = get_effect(db, queries.get_campaign(db, key).id)
    if as_json:
        emit(dict(found))
        return
    print_line(found.sentence)
    note(f"Answers within {found.days} days count; {'they are over' if found.final else 'more may come'}.")
