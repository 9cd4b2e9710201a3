"""The spend of some days, from the sums of the charges."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Table, cast, func, select

from harkara.ledger.charges.spend_sums import NUMBERS, spend_rows
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Transaction
from harkara.money.spend import By, Spend


def get_spend(db: Database, by: By, *, since: date, until: date, lanes: Collection[str] | None = None) -> list[Spend]:
    """Return the spend from the day `since` to the day `until`, both included, in the order of their keys.

    Days are those of each lane. Only charges of `lanes` count; None for all. Raises Unavailable.
    """
    with db.read() as tx:
        found = [_spend(*row) for row in tx.execute(_query(tx, by, since, until, lanes))]
    return sorted(found, key=lambda each: (each.key, each.currency))


def _query(
    tx: Transaction, by: By, since: date, until: date, lanes: Collection[str] | None
) -> Select[*tuple[Any, ...]]:
    def chosen(table: Table) -> list[ColumnElement[bool]]:
        days = table.c.day.between(since, until)
        return [days] if lanes is None else [table.c.lane.in_(lanes), days]

    rows = spend_rows(tx, chosen)
    column = rows.c["campaign_id" if by == "campaign" else by]
    sums = [cast(func.sum(rows.c[name]), BigInteger).label(name) for name in NUMBERS]
    groups = select(column.label("key"), rows.c.currency, *sums).group_by(column, rows.c.currency)
    groups = groups.having(func.sum(rows.c.messages) != 0)
    if by != "campaign":
        return groups
    # After the sums, which are few. Campaigns may share a name.
    sub = groups.subquery()
    name = func.coalesce(campaign.c.name, sub.c.key)
    named = select(name, sub.c.currency, *(cast(func.sum(sub.c[each]), BigInteger) for each in NUMBERS))
    return named.select_from(sub.outerjoin(campaign, campaign.c.id == sub.c.key)).group_by(name, sub.c.currency)


def _spend(
    key: object, currency: str, messages: int, free: int, credits: int, fee: int, tax: int, amount: int
) -> Spend:
    shown = key.isoformat() if isinstance(key, date) else str(key)
    return Spend(shown, currency, messages, free, credits, amount - fee - tax, fee, tax, amount)
