"""`harkara campaign results`: answers, opt-outs, the effect and the costs of a campaign."""

from __future__ import annotations

from workers.command.campaign.settings import campaign_settings
from workers.command.deployment import ledger
from workers.command.options import AsJson, Campaign
from workers.command.output import emit, print_line


def results(key: Campaign, as_json: AsJson = False) -> None:
    """Show how many recipients wrote and opted out since they got it, and what it has cost and may cost."""
    from harkara.ledger.campaigns import queries
    from harkara.ledger.campaigns.figures import get_figures
    from harkara.money.amounts import from_micros, show, to_micros

    known = campaign_settings()
    with ledger() as db:
        found = get_figures(db, queries.get_campaign(db, key), known)
    spent = {currency: str(from_micros(micros)) for currency, micros in found.spent.items()}
    if as_json:
        counts = {"answered": found.answered, "opted_out": found.opted_out}
        costs = {"spent": spent, "cost_if_all_arrive": str(found.cost), "currency": found.currency}
        emit(counts | costs | {"unpriced": found.unpriced, "effect": dict(found.effect) if found.effect else None})
        return
    print_line(f"{found.answered:,} wrote since they got it, {found.opted_out:,} opted out since")
    paid = ", ".join(f"{show(micros)} {currency}" for currency, micros in found.spent.items())
    print_line(f"Spent so far: {paid or 'nothing'}; if all arrive: {show(to_micros(found.cost))} {found.currency}")
    if found.unpriced:
        print_line(f"This cost leaves out {found.unpriced:,} messages: the country of their erased number is unknown")
    if found.effect:
        print_line(found.effect.sentence)
