"""The sums of charges by day: read with all that is not added to them yet, and added to in steps by a round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    String,
    Table,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
    update,
)

from harkara.ledger.database import Database
from harkara.ledger.tables import charge, spend_backfill, spend_day, spend_delta
from harkara.ledger.transaction import Transaction

KEY: Final = ("lane", "day", "category", "template", "campaign_id", "currency")
NUMBERS: Final = ("messages", "free", "credits", "fee", "tax", "amount")

Chosen = Callable[[Table], Sequence[ColumnElement[bool]]]
"""Returns the conditions of the wanted rows of a table that has the columns KEY."""

BACKFILL_ROWS = 20_000
"""Charges of an earlier release that one step adds: about 0.1 s."""

DELTA_ROWS = 10_000

_NULLABLE = ("template", "campaign_id")
_COLUMNS = ", ".join((*KEY, *NUMBERS))
_SUMS = ", ".join(f"sum({name})" for name in NUMBERS)
_UPSERT = (
    f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET"
    f" {', '.join(f'{name} = spend_day.{name} + excluded.{name}' for name in NUMBERS)}"
)
_ADD_DELTAS = f"""
WITH added AS (
    DELETE FROM spend_delta WHERE id IN (SELECT id FROM spend_delta ORDER BY id LIMIT {DELTA_ROWS}) RETURNING {_COLUMNS}
), summed AS (
    INSERT INTO spend_day ({_COLUMNS}) SELECT {", ".join(KEY)}, {_SUMS} FROM added
    GROUP BY {", ".join(KEY)} ORDER BY {", ".join(KEY)} {_UPSERT}
)
SELECT count(*) FROM added
"""
_ADD_CHARGES = f"""
INSERT INTO spend_day ({_COLUMNS})
SELECT lane, day, category, coalesce(template, ''), coalesce(campaign_id, ''), currency, count(*),
    sum(CASE WHEN amount = 0 THEN 1 ELSE 0 END), sum(credits), sum(fee), sum(tax), sum(amount)
FROM charge WHERE message_id > :after AND message_id <= :last GROUP BY 1, 2, 3, 4, 5, 6 {_UPSERT}
"""


def spend_rows(tx: Transaction, chosen: Chosen) -> FromClause:
    """Return the sums that are `chosen`, as rows with the columns KEY and NUMBERS; several may have the same key.

    A statement that reads these rows counts each charge exactly once,
    whatever is written or added meanwhile.
    """
    parts = [_sums(spend_day, chosen)]
    if not tx.sqlite:
        parts.append(_sums(spend_delta, chosen))
    # Within the statement, so that both parts are of one moment; a backfill that is over does not begin again.
    if tx.execute(select(spend_backfill.c.id)).first():
        counted_to = select(spend_backfill.c.counted_to).scalar_subquery()
        parts.append(_single(charge).where(*chosen(charge), charge.c.message_id > counted_to))
    return union_all(*parts).subquery("spend")


def campaign_spend(tx: Transaction, identity: str) -> FromClause:
    """Return the sums of one campaign, as rows with the columns KEY and NUMBERS."""
    # The second condition is that of the index.
    return spend_rows(tx, lambda table: [table.c.campaign_id == identity, table.c.campaign_id != ""])


def total_amount(tx: Transaction, rows: FromClause, currency: str) -> int:
    """Return the amount of these sums in one currency, in micros."""
    total = select(func.coalesce(cast(func.sum(rows.c.amount), BigInteger), 0)).where(rows.c.currency == currency)
    return int(tx.execute(total).scalar_one())


def different_days(tx: Transaction, chosen: Chosen) -> Select[tuple[str]]:
    """Return a query of the chosen days, such as `default 2026-11-29`, whose sums are not those of their charges."""
    single = _single(charge).where(*chosen(charge)).subquery("single")
    both = union_all(_signed(spend_rows(tx, chosen), 1), _signed(single, -1)).subquery("both")
    differs = or_(*(func.sum(both.c[name]) != 0 for name in NUMBERS))
    grouped = select(both.c.lane, both.c.day).group_by(*(both.c[name] for name in KEY)).having(differs).subquery()
    return select((grouped.c.lane + " " + cast(grouped.c.day, String)).label("day")).distinct()


def add_to_sums(db: Database, *, charges: int = BACKFILL_ROWS) -> int:
    """Add to the sums what waits for it, a step of each kind, the second of at most so many charges.

    Return how many rows it was. Raises Unavailable.
    """
    return (0 if db.sqlite else _add_deltas(db)) + _add_charges(db, charges)


def _sums(table: Table, chosen: Chosen) -> Select[*tuple[Any, ...]]:
    return select(*(table.c[name] for name in KEY + NUMBERS)).where(*chosen(table))


def _single(table: Table) -> Select[*tuple[Any, ...]]:
    """Return each charge as if it were a sum."""
    key = [func.coalesce(table.c[name], "").label(name) if name in _NULLABLE else table.c[name] for name in KEY]
    free = case((table.c.amount == 0, 1), else_=0).label("free")
    amounts = [table.c[name] for name in NUMBERS[2:]]
    return select(*key, literal(1).label("messages"), free, *amounts)


def _signed(rows: FromClause, sign: int) -> Select[*tuple[Any, ...]]:
    return select(*(rows.c[name] for name in KEY), *((rows.c[name] * sign).label(name) for name in NUMBERS))


def _add_deltas(db: Database) -> int:
    with db.read() as tx:
        if not tx.execute(select(spend_delta.c.id).limit(1)).first():
            return 0
    with db.write() as tx:
        return int(tx.execute(text(_ADD_DELTAS)).scalar_one())


def _add_charges(db: Database, most: int) -> int:
    with db.read() as tx:
        if not tx.execute(select(spend_backfill.c.id)).first():
            return 0
    with db.write() as tx:
        # A writer of a charge that is beyond `after` holds this row until its transaction ends.
        after = tx.execute(select(spend_backfill.c.counted_to).with_for_update()).scalar()
        if after is None:
            return 0
        ids = select(charge.c.message_id).where(charge.c.message_id > after).order_by(charge.c.message_id)
        step = ids.limit(most).subquery()
        last, number = tx.execute(select(func.max(step.c.message_id), func.count()).select_from(step)).one()
        if number:
            tx.execute(text(_ADD_CHARGES), {"after": after, "last": last})
            tx.execute(update(spend_backfill).values(counted_to=last))
        if number < most:
            tx.execute(delete(spend_backfill))
        return int(number)
