"""Budgets in the ledger: set and list them, and hold the marketing of those that are used up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, tzinfo

from sqlalchemy import ColumnElement, Table, delete, select, update

from harkara.errors import NotFound
from harkara.ledger.charges.budget_holds import Hold, hold_marketing
from harkara.ledger.charges.spend_sums import campaign_spend, spend_rows, total_amount
from harkara.ledger.charges.turns import ASSISTANT
from harkara.ledger.database import Database
from harkara.ledger.tables import budget
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.money.amounts import show
from harkara.money.budgets import WARNED_AT, Budget, BudgetSpan, BudgetStatus, span

_BUDGETS = select(*(budget.c[name] for name in Budget.__dataclass_fields__)).order_by(
    budget.c.lane, budget.c.period, budget.c.campaign_id
)


def set_budget(db: Database, wanted: Budget, *, by: Actor | None = None) -> None:
    """Set a budget, which replaces the one for the same period, and record the act of `by`. Raises Unavailable."""
    values = {"amount": wanted.amount, "currency": wanted.currency, "warned_on": None}
    key = {"lane": wanted.lane, "period": wanted.period, "campaign_id": wanted.campaign_id}
    with db.write() as tx:
        row = key | values | {"changed_at": tx.now}
        if not tx.execute(tx.insert_new(budget).returning(budget.c.lane), row).first():
            tx.execute(update(budget).where(*_is(wanted)).values(changed_at=tx.now, **values))
        if by:
            record_act(tx, by, "budget.set", _subject(wanted), filter=f"{show(wanted.amount)} {wanted.currency}")


def remove_budget(db: Database, former: Budget, *, by: Actor | None = None) -> None:
    """Remove the budget of the same lane, period and campaign, and record the act of `by`.

    Raises NotFound and Unavailable.
    """
    with db.write() as tx:
        if not tx.execute(delete(budget).where(*_is(former))).rowcount:
            raise NotFound("there is no such budget; `harkara budget` shows them")
        if by:
            record_act(tx, by, "budget.removed", _subject(former))


def list_budgets(db: Database, zones: Mapping[str, tzinfo]) -> list[BudgetStatus]:
    """Return every budget with what is spent of it; `zones` are those of the lanes by name. Raises Unavailable."""
    with db.read() as tx:
        return [status for _, status in _load(tx, zones)]


def check_budgets(db: Database, zones: Mapping[str, tzinfo]) -> tuple[list[BudgetStatus], list[BudgetStatus]]:
    """Hold the marketing of budgets that are used up, and release what was held by others.

    Return the budgets that are nearly used up, each once in a period, and those whose marketing is held from now on.
    If an operator sets or removes one meanwhile, all are read again. Raises Unavailable.
    """
    while (checked := _check(db, zones)) is None:
        pass
    return checked


def _check(db: Database, zones: Mapping[str, tzinfo]) -> tuple[list[BudgetStatus], list[BudgetStatus]] | None:
    with db.read() as tx:
        found = _load(tx, zones)
    nearly = [(period, status) for period, status in found if status.share >= WARNED_AT]
    held = [status for _, status in nearly if status.exhausted]
    with db.write() as tx:
        if tx.load(Budget, _BUDGETS.with_for_update()) != [status.budget for _, status in found]:
            return None
        warned = [status for period, status in nearly if _warn(tx, status.budget, period)]
        new = hold_marketing(tx, [_hold(status) for status in held])
    return warned, [status for status in held if _hold(status).key in new]


def _load(tx: Transaction, zones: Mapping[str, tzinfo]) -> list[tuple[BudgetSpan, BudgetStatus]]:
    budgets = tx.load(Budget, _BUDGETS)
    spans = [span(each.period, tx.now, zones.get(each.lane, UTC)) for each in budgets]
    return [
        (period, BudgetStatus(each, _spent(tx, each, period.first), period.until))
        for each, period in zip(budgets, spans, strict=True)
    ]


def _spent(tx: Transaction, of: Budget, first: date | None) -> int:
    """Charges in another currency, from before it was changed, do not count; nor do those of the assistant's turns,
    which no halt of marketing would end.
    """

    def chosen(table: Table) -> list[ColumnElement[bool]]:
        return [table.c.lane == of.lane, table.c.day >= first, table.c.category != ASSISTANT]

    rows = campaign_spend(tx, of.campaign_id) if first is None else spend_rows(tx, chosen)
    return total_amount(tx, rows, of.currency)


def _warn(tx: Transaction, of: Budget, period: BudgetSpan) -> bool:
    """Remember the warning; return whether it is the first of the period."""
    marked = period.first or tx.now.date()
    is_new = budget.c.warned_on.is_(None) if period.first is None else budget.c.warned_on.is_distinct_from(marked)
    return bool(tx.execute(update(budget).where(*_is(of), is_new).values(warned_on=marked)).rowcount)


def _subject(one: Budget) -> str:
    return f"{one.lane}, {one.campaign_id or one.period}"


def _hold(status: BudgetStatus) -> Hold:
    return Hold(status.budget.lane, status.budget.campaign_id, status.reason, status.until)


def _is(one: Budget) -> tuple[ColumnElement[bool], ...]:
    return (
        budget.c.lane == one.lane,
        budget.c.period == one.period,
        budget.c.campaign_id == one.campaign_id,
    )
