"""The halts of budgets that are used up: the marketing of a lane or of a campaign waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, or_, select, update

from harkara.ledger.conditions import in_state
from harkara.ledger.halts import BUDGET
from harkara.ledger.lock_order import lock_messages
from harkara.ledger.tables import halt, message
from harkara.ledger.transaction import Transaction
from harkara.states import State

_NEVER = datetime.max.replace(tzinfo=UTC)


class Hold(NamedTuple):
    """Marketing that waits `until` a moment, or until the budget is raised: of a lane, or of one campaign in it."""

    lane: str
    campaign_id: str
    reason: str
    until: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.lane, self.campaign_id


def hold_marketing(tx: Transaction, holds: Iterable[Hold]) -> set[tuple[str, str]]:
    """Hold this marketing and no other; return the keys of what was not held before.

    Of two budgets of a lane, the one that ends later holds it.
    """
    wanted = {hold.key: hold for hold in sorted(holds, key=lambda hold: hold.until or _NEVER)}
    query = select(halt.c.lane, halt.c.subject, halt.c.until, halt.c.reason).where(halt.c.scope == BUDGET)
    before = {(row.lane, row.subject): (row.until, row.reason) for row in tx.execute(query.with_for_update())}
    for key in sorted(before.keys() - wanted.keys()):
        tx.execute(delete(halt).where(*_of(key)))
        _make_due(tx, *key, tx.now)
    for key, hold in sorted(wanted.items()):
        if key not in before:
            row = {"lane": hold.lane, "scope": BUDGET, "subject": hold.campaign_id, "code": BUDGET, "times": 1}
            tx.execute(tx.insert_new(halt), row | {"reason": hold.reason[:1000], "since": tx.now, "until": hold.until})
        elif before[key] != (hold.until, hold.reason[:1000]):
            tx.execute(update(halt).where(*_of(key)).values(until=hold.until, reason=hold.reason[:1000]))
            if hold.until and hold.until != before[key][0]:
                _make_due(tx, *key, hold.until)
    return wanted.keys() - before.keys()


def _make_due(tx: Transaction, lane: str, campaign_id: str, at: datetime) -> None:
    """Make due at this moment what would wait longer for this budget."""
    waiting = (message.c.lane == lane, in_state(State.WAITING), message.c.code == BUDGET, message.c.due_at > at)
    # What an operator sends once more is part of no campaign, and has its producer, by which the gate holds it.
    of_stage = message.c.producer.startswith(f"{campaign_id}-", autoescape=True)
    mine = (*waiting, or_(message.c.producer == campaign_id, of_stage)) if campaign_id else waiting
    lock_messages(tx, *mine)
    tx.execute(update(message).where(*mine).values(due_at=at))


def _of(key: tuple[str, str]) -> tuple[ColumnElement[bool], ...]:
    lane, subject = key
    return (halt.c.lane == lane, halt.c.scope == BUDGET, halt.c.subject == subject)
