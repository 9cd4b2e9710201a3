"""Sweep: repair what dead workers, lost hints and passed deadlines leave behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, delete, or_, select, update

from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.conditions import LEASED, in_state, still_in
from harkara.ledger.contacts.housekeeping import settle_people
from harkara.ledger.database import Database
from harkara.ledger.halts import MODEL
from harkara.ledger.messages.due import late_messages
from harkara.ledger.messages.next_state import CANCELLED_OR_UNCERTAIN, final_columns, uncertain_columns
from harkara.ledger.messages.resend import resend
from harkara.ledger.messages.trace import change_state
from harkara.ledger.steps import run_steps
from harkara.ledger.tables import attempt, halt, message
from harkara.ledger.timeline import timelines_of
from harkara.ledger.transaction import Transaction
from harkara.ledger.workers import sent_by_dead_worker
from harkara.outcomes import Uncertain
from harkara.states import Action, State, allowed_from

POISON_CLAIMS = 5
"""A message that was claimed so often without an outcome crashes its workers: it fails, and the others go on."""


MAX_SETTLED = 500
"""Contacts that one transaction settles: it takes a quarter of a second, and a customer's message waits for it."""


class Crashed(NamedTuple):
    """A message whose worker died between its POST and the record of the outcome, as the policy sees it."""

    lane: str
    category: str
    resends: int
    tries: int
    seconds_left: float


Policy = Callable[[Crashed], Uncertain]


def sweep(db: Database, policy: Policy, *, may_judge: Callable[[datetime], bool] = lambda now: False) -> Counter[str]:
    """Run all steps once; return how many rows each one changed. Any process may run it, at any time.

    `may_judge` says at the database's time whether a worker whose lease ran out is dead; otherwise only the leases of
    messages count. A step that fails stops no other; its error is raised after the last.
    `harkara.ledger.repairs` has the conditions of all steps: a new step needs one there.
    """
    try:
        changed = run_steps(
            db,
            ("poison", _fail_poison),
            ("given-back", _give_back),
            ("uncertain", lambda tx: _mark_uncertain(tx, policy, may_judge)),
            ("resent", resend),
            ("expired", lambda tx: _expire(tx, fenced=bool(db.has_timeline))),
            ("halts", _end_halts),
        )
    finally:
        people = settle_people(db, MAX_SETTLED)
    return changed + Counter(people=people)


_POISONABLE = in_state(*allowed_from(State.FAILED, by=Action.SWEEP))
_RETURNABLE = in_state(*allowed_from(State.WAITING, by=Action.SWEEP))
_UNANSWERED = in_state(*allowed_from(State.UNCERTAIN, by=Action.SWEEP))
_STILL_EXPIRABLE = still_in(*allowed_from(State.CANCELLED, by=Action.EXPIRE))


def _fail_poison(tx: Transaction) -> int:
    poison = select(message.c.id).where(
        LEASED, _POISONABLE, message.c.lease_until <= tx.now, message.c.strikes >= POISON_CLAIMS
    )
    advice = f"Claimed {POISON_CLAIMS} times without an outcome: look for crashed workers, then send it anew."
    return change_state(tx, State.FAILED, poison, final_columns("poison", advice))


def _give_back(tx: Transaction) -> int:
    """Make messages due again whose hint was lost, or whose worker died before the POST."""
    lost = select(message.c.id).where(
        LEASED, _RETURNABLE, message.c.lease_until <= tx.now, message.c.strikes < POISON_CLAIMS
    )
    return change_state(tx, State.WAITING, lost, {"lease_until": None}, traced=False)


class _Orphan(NamedTuple):
    id: str
    epoch: int
    lane: str
    category: str
    resends: int
    tries: int
    expires_at: datetime


def _mark_uncertain(tx: Transaction, policy: Policy, may_judge: Callable[[datetime], bool]) -> int:
    """Mark `sending` messages whose lease ran out, or their worker's: whether the POST arrived is unknown."""
    unanswered: ColumnElement[bool] = message.c.lease_until <= tx.now
    if may_judge(tx.now) and (orphaned := sent_by_dead_worker(tx)) is not None:
        unanswered = or_(unanswered, orphaned)
    columns = (message.c[name] for name in _Orphan._fields)
    orphans = tx.load(
        _Orphan,
        select(*columns).where(LEASED, _UNANSWERED, unanswered).limit(MAX_ROWS).with_for_update(skip_locked=True),
    )
    for each in orphans:
        seconds_left = (each.expires_at - tx.now).total_seconds()
        verdict = policy(Crashed(each.lane, each.category, each.resends, each.tries, seconds_left))
        one = select(message.c.id).where(message.c.id == each.id, _UNANSWERED, message.c.epoch == each.epoch)
        if change_state(tx, State.UNCERTAIN, one, uncertain_columns(verdict, tx.now)):
            tx.execute(
                update(attempt)
                .where(attempt.c.message_id == each.id, attempt.c.epoch == each.epoch)
                .values(outcome="uncertain", code=verdict.code, text=verdict.reason)
            )
    return len(orphans)


def _expire(tx: Transaction, *, fenced: bool) -> int:
    """Cancel messages whose deadline passed. Mostly there is none, which one query finds for all flows.

    On a new timeline of PostgreSQL they may have been sent, until a worker has compared the POSTs.
    """
    found = late_messages(tx, MAX_ROWS)
    if found and fenced and timelines_of(tx).new:
        return 0
    columns = final_columns("expired", "Its deadline passed before it could be sent.")
    changed = 0
    for start in range(0, len(found), MAX_ROWS):
        listed = select(tx.listed(found[start : start + MAX_ROWS]).c.id)
        late = select(message.c.id).where(message.c.id.in_(listed), _STILL_EXPIRABLE, message.c.expires_at <= tx.now)
        changed += change_state(tx, CANCELLED_OR_UNCERTAIN, late, columns)
    return changed


def _end_halts(tx: Transaction) -> int:
    """Delete the pauses of templates and recipients that are over.

    The halt of a lane, and that of the model, stays until its probe is answered.
    """
    return tx.execute(delete(halt).where(halt.c.scope.not_in(("lane", MODEL)), halt.c.until <= tx.now)).rowcount
