"""Sum the charges of some days."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, case, cast, func, select

from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, charge
from harkara.money.spend import By, Spend

_KEYS: Mapping[By, ColumnElement[Any]] = {
    "day": charge.c.day,
    "lane": charge.c.lane,
    "category": charge.c.category,
    "template": charge.c.template,
    "campaign": func.coalesce(campaign.c.name, charge.c.campaign_id),
}


def get_spend(db: Database, by: By, *, since: date, until: date, lanes: Collection[str] | None = None) -> list[Spend]:
    """Return the spend from the day `since` to the day `until`, both included, in the order of their keys.

    Days are those of each lane. Only charges of `lanes` count; None for all. Raises Unavailable.
    """
    days = charge.c.day.between(since, until)
    mine = days if lanes is None else days & charge.c.lane.in_(lanes)
    sums = [cast(func.sum(column), BigInteger) for column in (charge.c.fee, charge.c.tax, charge.c.amount)]
    counts = (func.count(), func.sum(case((charge.c.amount == 0, 1), else_=0)), func.sum(charge.c.credits))
    key = _KEYS[by].label("key")
    query = select(key, charge.c.currency, *counts, *sums).where(mine).group_by(key, charge.c.currency)
    if by == "campaign":
        query = query.join(campaign, campaign.c.id == charge.c.campaign_id, isouter=True)
    with db.read() as tx:
        found = [_spend(*row) for row in tx.execute(query)]
    return sorted(found, key=lambda each: (each.key, each.currency))


def _spend(
    key: object, currency: str, messages: int, free: int, credits: int, fee: int, tax: int, amount: int
) -> Spend:
    shown = key.isoformat() if isinstance(key, date) else str(key or "")
    return Spend(shown, currency, messages, free, credits, amount - fee - tax, fee, tax, amount)
