"""The stop-loss of a campaign: what it may cost before it pauses itself."""

from __future__ import annotations

from sqlalchemy import select, update

from harkara.ledger.charges.spend_sums import campaign_spend, total_amount
from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Transaction
from harkara.money.amounts import show

STOP_LOSS = "stop-loss"
"""The code of a campaign that paused since its stop-loss was reached."""


def set_stop_loss(tx: Transaction, identity: str, micros: int, currency: str) -> None:
    """Set the stop-loss of a campaign, in micros of the currency."""
    values = {"stop_loss": micros, "currency": currency}
    tx.execute(update(campaign).where(campaign.c.id == identity).values(changed_at=tx.now, **values))


def reached_stop_loss(tx: Transaction, identity: str) -> str | None:
    """Return a sentence if the charges of the campaign have reached its stop-loss, None if not or without one.

    A charge is written when a message is delivered, so what is under way comes on top of it.
    """
    limit = select(campaign.c.stop_loss, campaign.c.currency).where(campaign.c.id == identity)
    stop_loss, currency = tx.execute(limit).one()
    if stop_loss is None:
        return None
    spent = total_amount(tx, campaign_spend(tx, identity), currency)
    if spent < stop_loss:
        return None
    return f"It has cost {show(spent)} {currency}, and its stop-loss is {show(stop_loss)} {currency}."
