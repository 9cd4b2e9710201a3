"""The spend of some days, from the sums of the charges."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Select,
    String,
    Table,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from harkara.ledger.charges.spend_sums import KEY, NUMBERS, Chosen, spend_rows
from harkara.ledger.charges.turns import ASSISTANT
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Transaction
from harkara.money.spend import By, Spend


def get_spend(db: Database, by: By, *, since: date, until: date, lanes: Collection[str] | None = None) -> list[Spend]:
    """Return the spend from the day `since` to the day `until`, both included, in the order of their keys.

    Days are those of each lane. The assistant's turns are in the amounts and in no number of messages; by template and
    by campaign they have a line of their own. Only charges of `lanes` count; None for all. Raises Unavailable.
    """
    return [*get_spends(db, [by], since=since, until=until, lanes=lanes)[by]]


def get_spends(
    db: Database, bys: Sequence[By], *, since: date, until: date, lanes: Collection[str] | None = None
) -> Mapping[By, Sequence[Spend]]:
    """Return the same by each of several properties, of one moment: the sums of the days are read once."""
    found: dict[By, list[Spend]] = {by: [] for by in bys}
    with db.read() as tx:
        for place, *row in tx.execute(_query(tx, bys, since, until, lanes)):
            found[bys[place]].append(_spend(*row))
    return {by: sorted(rows, key=lambda each: (each.key, each.currency)) for by, rows in found.items()}


def get_amounts(db: Database, *, since: date, until: date, lanes: Collection[str]) -> Mapping[str, int]:
    """Return the amounts of these days by currency, in micros. Raises Unavailable."""
    with db.read() as tx:
        rows = spend_rows(tx, _chosen(since, until, lanes))
        total = cast(func.sum(rows.c.amount), BigInteger)
        return {row[0]: row[1] for row in tx.execute(select(rows.c.currency, total).group_by(rows.c.currency))}


def _query(
    tx: Transaction, bys: Sequence[By], since: date, until: date, lanes: Collection[str] | None
) -> CompoundSelect[*tuple[Any, ...]]:
    rows = spend_rows(tx, _chosen(since, until, lanes))
    # Both databases write what several queries read into memory. Without the days, few rows are left.
    once = select(*(rows.c[name] for name in KEY + NUMBERS)).cte("once")
    undated = _without_days(once)
    return union_all(*(_grouped(once if by == "day" else undated, by, place) for place, by in enumerate(bys)))


def _chosen(since: date, until: date, lanes: Collection[str] | None) -> Chosen:
    def chosen(table: Table) -> list[ColumnElement[bool]]:
        days = table.c.day.between(since, until)
        return [days] if lanes is None else [table.c.lane.in_(lanes), days]

    return chosen


def _without_days(rows: CTE) -> CTE:
    key = [rows.c[name] for name in KEY if name != "day"]
    sums = (cast(func.sum(rows.c[name]), BigInteger).label(name) for name in NUMBERS)
    return select(*key, *sums).group_by(*key).cte("undated")


def _grouped(rows: CTE, by: By, place: int) -> Select[*tuple[Any, ...]]:
    """Return the sums by one property, each with this place."""
    column = rows.c["campaign_id" if by == "campaign" else by]
    of_turn = rows.c.category == ASSISTANT
    own: ColumnElement[int] = literal(0)
    key: ColumnElement[Any] = cast(column, String) if by == "day" else column
    if by in ("template", "campaign"):  # a template or a campaign may have the same name
        own, key = case((of_turn, 1), else_=0), case((of_turn, ASSISTANT), else_=column)
    sums = [_sum(rows, name).label(name) for name in NUMBERS]
    groups = select(key.label("key"), own.label("own"), rows.c.currency, *sums)
    sub = groups.group_by("key", "own", rows.c.currency).having(func.sum(rows.c.messages) != 0).subquery()
    numbers = [sub.c[name] for name in NUMBERS]
    if by != "campaign":
        return select(literal(place), sub.c.key, sub.c.currency, *numbers)
    # After the sums, which are few. Campaigns may share a name.
    name = func.coalesce(campaign.c.name, sub.c.key)
    named = select(literal(place), name, sub.c.currency, *(cast(func.sum(each), BigInteger) for each in numbers))
    joined = named.select_from(sub.outerjoin(campaign, campaign.c.id == sub.c.key))
    return joined.group_by(name, sub.c.own, sub.c.currency)


def _sum(rows: CTE, name: str) -> ColumnElement[int]:
    """A turn of the assistant is no message."""
    of_message = case((rows.c.category == ASSISTANT, 0), else_=rows.c[name])
    return cast(func.sum(of_message if name in ("messages", "free") else rows.c[name]), BigInteger)


def _spend(key: str, currency: str, messages: int, free: int, credits: int, fee: int, tax: int, amount: int) -> Spend:
    return Spend(key, currency, messages, free, credits, amount - fee - tax, fee, tax, amount)
