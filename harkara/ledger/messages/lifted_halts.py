"""Waits for a halt that is lifted, or ends earlier, before the wait is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import select, update

from harkara.campaigns.steps import campaign_of
from harkara.ledger.conditions import still_in, unlocked
from harkara.ledger.halts import BUDGET
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.tables import halt, message
from harkara.ledger.transaction import Transaction
from harkara.outcomes import Wait
from harkara.states import State

_SCOPES: Final = {"lane-parked": "lane", "template-paused": "template", BUDGET: BUDGET}
"""By the code of a wait, the scope of the halt that the message waits for."""

_AT_ONCE: Final = timedelta(seconds=5)
"""A wait ends later than its halt by the time between the gate and the record, which needs no correction."""


class _Halt(NamedTuple):
    lane: str
    scope: str
    subject: str
    until: datetime | None


class _Waiting(NamedTuple):
    id: str
    lane: str
    template: str | None
    producer: str
    code: str
    due_at: datetime

    @property
    def subjects(self) -> tuple[str, ...]:
        match _SCOPES[self.code]:
            case "template":
                return (self.template or "",)
            case "lane":
                return ("",)
            case _:
                return ("", campaign_of(self.producer))


def follow_halts(tx: Transaction, results: Sequence[ClaimResult]) -> None:
    """Let no message wait longer than the halt that a gate has seen: it may have been lifted since.

    What lifts a halt makes due the messages that wait for it already, and none of these. It waits for this transaction
    if the halt can still be locked here; otherwise these are due at once, and the gate decides again.
    """
    held = [one for one in results if not one.posted and isinstance(one.outcome, Wait) and one.outcome.code in _SCOPES]
    if not held:
        return
    halts = _lock_free_halts(tx, sorted({one.lane for one in held}))
    columns = (message.c[name] for name in _Waiting._fields)
    longer = (message.c.id.in_([one.id for one in held]), message.c.code.in_(_SCOPES), message.c.due_at > tx.now)
    for one in tx.load(_Waiting, select(*columns).where(*longer, still_in(State.WAITING)).order_by(message.c.id)):
        due = _due_at(one, halts, tx.now)
        if due < one.due_at - _AT_ONCE:
            mine = unlocked(message.c.id == one.id, still_in(State.WAITING))
            tx.execute(update(message).where(mine).values(due_at=due))


def _lock_free_halts(tx: Transaction, lanes: Sequence[str]) -> list[_Halt]:
    columns = (halt.c[name] for name in _Halt._fields)
    theirs = (halt.c.lane.in_(lanes), halt.c.scope.in_(_SCOPES.values()))
    return tx.load(_Halt, select(*columns).where(*theirs).with_for_update(read=True, skip_locked=True))


def _due_at(one: _Waiting, halts: Sequence[_Halt], now: datetime) -> datetime:
    """Return when the halts of the message end, and `now` without any."""
    scope = _SCOPES[one.code]
    ends = [
        each.until for each in halts if (each.lane, each.scope) == (one.lane, scope) and each.subject in one.subjects
    ]
    return one.due_at if None in ends else max([now, *(end for end in ends if end)])
