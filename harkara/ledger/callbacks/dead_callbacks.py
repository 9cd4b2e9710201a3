"""List, retry and clean up callbacks that wait or are dead."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, select, union_all, update

from harkara.errors import Conflict, NotFound
from harkara.ledger.callbacks.notify import LIFETIME
from harkara.ledger.callbacks.outbox import MAX_ROWS, in_callback_state
from harkara.ledger.database import Database
from harkara.ledger.locked_batch import lock_batch
from harkara.ledger.tables import callback
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act

Lanes = Collection[str] | None
"""The lanes whose callbacks are meant, besides those of the whole deployment; None for all."""

WEEK = timedelta(days=7)
"""How long a delivered callback stays listed, and how long a dead one keeps its data for another try."""


@dataclass(frozen=True, slots=True)
class CallbackRecord:
    """A row of the table `callback` without its data."""

    id: str
    lane: str
    kind: str
    subject: str
    state: str
    due_at: datetime
    expires_at: datetime
    created_at: datetime
    done_at: datetime | None
    tries: int
    status: int | None
    reason: str | None


def list_callbacks(db: Database, states: Sequence[str], limit: int, *, lanes: Lanes = None) -> list[CallbackRecord]:
    """Return callbacks in these states, the oldest first: of each state those that are due or done for the longest."""
    columns = (callback.c[name] for name in CallbackRecord.__slots__)
    found = (_longest(state, limit, lanes) for state in states)
    query = select(*columns).where(callback.c.id.in_(union_all(*found))).order_by(callback.c.id).limit(limit)
    with db.read() as tx:
        return [CallbackRecord(*row) for row in tx.execute(query)]


def count_callbacks(db: Database, *, lanes: Lanes = None, most: int | None = None) -> dict[str, int]:
    """Return how many callbacks are `waiting` and how many are `dead`, counted up to `most`. Raises Unavailable."""
    with db.read() as tx:
        counted = {}
        for state in ("waiting", "dead"):
            found = select(callback.c.id).where(in_callback_state(state), *_of(lanes)).limit(most).subquery()
            counted[state] = tx.execute(select(func.count()).select_from(found)).scalar_one()
        return counted


def retry(db: Database, ids: Sequence[str], *, lanes: Lanes = None, actor: Actor | None = None) -> None:
    """Make all of these callbacks due now, with a new lifetime, or none of them. This is an act of `actor`.

    Raises NotFound for an unknown id and for one of another lane than `lanes`, and Conflict for a callback whose data
    is erased.
    """
    which = callback.c.id.in_(list(ids))
    query = select(callback.c.id, callback.c.state, callback.c.data.is_(None)).where(which, *_of(lanes))
    with db.write() as tx:
        found = {row[0]: row for row in tx.execute(query.with_for_update())}
        for callback_id in ids:
            if callback_id not in found:
                raise NotFound(f"no callback has the id {callback_id}; `harkara callbacks list` shows the ids")
            _, state, erased = found[callback_id]
            if erased:
                raise Conflict(f"{callback_id} is {state} and its data is erased, so it cannot be sent again")
        _record(tx, actor, ", ".join(ids), _make_due(tx, which))


def retry_dead(db: Database, *, lanes: Lanes = None, actor: Actor | None = None) -> int:
    """Make all dead callbacks due that still have their data; return how many. This is an act of `actor`."""
    with db.write() as tx:
        number = _make_due(tx, in_callback_state("dead"), callback.c.data.is_not(None), *_of(lanes))
        _record(tx, actor, "all dead callbacks", number)
        return number


def clean_up(db: Database, retention_seconds: float | None) -> int:
    """Delete or erase old callbacks; return how many rows that changed.

    A delivered callback is deleted a week after its delivery. A dead one loses its data after a week, and is deleted
    when the retention is over. A waiting one that no worker has tried for a week becomes dead and loses its data.
    """
    with db.write() as tx:
        week_ago, erased = tx.now - WEEK, {"state": "dead", "data": None}
        untried = {"reason": "No worker tried to deliver it for a week.", "done_at": tx.now}
        old, has_data = callback.c.done_at <= week_ago, callback.c.data.is_not(None)
        waiting, dead, delivered = map(in_callback_state, ("waiting", "dead", "delivered"))
        changed = _change(tx, delete(callback), delivered, old)
        changed += _change(tx, update(callback).values(erased), dead, old, has_data)
        changed += _change(tx, update(callback).values(erased | untried), waiting, callback.c.due_at <= week_ago)
        if retention_seconds is not None:
            over = callback.c.done_at <= tx.now - max(WEEK, timedelta(seconds=retention_seconds))
            changed += _change(tx, delete(callback), dead, over)
        return changed


def _longest(state: str, limit: int, lanes: Lanes) -> Select[tuple[str]]:
    """Select the ids in the order of the index of the state."""
    moment = callback.c.due_at if state == "waiting" else callback.c.done_at
    found = select(callback.c.id).where(in_callback_state(state), *_of(lanes)).order_by(moment).limit(limit).subquery()
    return select(found.c.id)


def _of(lanes: Lanes) -> Sequence[ColumnElement[bool]]:
    """Return the condition that a callback is of these lanes or of the whole deployment."""
    return () if lanes is None else (callback.c.lane.in_(["", *lanes]),)


def _record(tx: Transaction, actor: Actor | None, subject: str, number: int) -> None:
    if actor is not None:
        record_act(tx, actor, "callbacks.retried", subject, number=number)


def _make_due(tx: Transaction, *which: ColumnElement[bool]) -> int:
    new: Row = {"state": "waiting", "due_at": tx.now, "expires_at": tx.now + LIFETIME, "done_at": None}
    return tx.execute(update(callback).where(*which).values(**new)).rowcount


def _change(tx: Transaction, statement: Any, *which: ColumnElement[bool]) -> int:
    rows = select(callback.c.id).where(*which).limit(MAX_ROWS)
    return tx.execute(statement.where(callback.c.id.in_(lock_batch(rows)))).rowcount
