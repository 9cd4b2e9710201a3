"""What waits or is dead in the outbox: looked at, tried once more, and tidied away in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from harkara.errors import Conflict, NotFound
from harkara.ledger.callbacks.notify import DAY
from harkara.ledger.callbacks.outbox import MOST, kept
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.tables import callback

TIDY_SECONDS = 60.0

WEEK = timedelta(days=7)
"""So long what was delivered stays to be seen, and what is dead keeps its data for another try."""


def listing(db: Database, states: Sequence[str], limit: int) -> list[Row]:
    """Callbacks in these states, the oldest first, without what they tell."""
    shown = [column for column in callback.c if column.name != "data"]
    with db.read() as tx:
        return tx.rows(select(*shown).where(or_(*map(kept, states))).order_by(callback.c.id).limit(limit))


def counts(db: Database) -> dict[str, int]:
    """How many wait to be told, and how many are dead. Raises Unavailable."""
    number = select(func.count()).select_from(callback)
    with db.read() as tx:
        return {state: tx.execute(number.where(kept(state))).scalar_one() for state in ("waiting", "dead")}


def retry(db: Database, ids: Sequence[str]) -> None:
    """Makes all of them due now, with another day to be told, or none. Raises NotFound and Conflict."""
    mine = callback.c.id.in_(list(ids))
    with db.write() as tx:
        states = {row["id"]: row for row in tx.rows(select(callback).where(mine).with_for_update())}
        for identity in ids:
            if identity not in states:
                raise NotFound(f"no callback has the id {identity}; `harkara callbacks list` shows them")
            if states[identity]["data"] is None:
                raise Conflict(f"{identity} is {states[identity]['state']}, and what it told is erased")
        _again(tx, mine)


def retry_dead(db: Database) -> int:
    """The same for all that are dead and have kept their data; returns how many."""
    with db.write() as tx:
        return _again(tx, kept("dead"), callback.c.data.is_not(None))


def tidy(db: Database, retention_seconds: float | None) -> int:
    """Deletes what was delivered a week ago, and what is dead when the retention is over; returns how many rows went or
    changed.

    A week after it died, or after anybody last tried to tell it, nothing keeps its data any more.
    """
    with db.write() as tx:
        week, gone = tx.now - WEEK, {"state": "dead", "data": None}
        nobody = {"reason": "No worker told it for a week.", "done_at": tx.now}
        old = callback.c.done_at <= week
        touched = _some(tx, delete(callback), kept("delivered"), old)
        touched += _some(tx, update(callback).values(gone), kept("dead"), old, callback.c.data.is_not(None))
        touched += _some(tx, update(callback).values(gone | nobody), kept("waiting"), callback.c.due_at <= week)
        if retention_seconds is not None:
            over = callback.c.done_at <= tx.now - max(WEEK, timedelta(seconds=retention_seconds))
            touched += _some(tx, delete(callback), kept("dead"), over)
        return touched


def _again(tx: Transaction, *which: ColumnElement[bool]) -> int:
    fresh: Row = {"state": "waiting", "due_at": tx.now, "expires_at": tx.now + DAY, "done_at": None}
    return tx.execute(update(callback).where(*which).values(**fresh)).rowcount


def _some(tx: Transaction, statement: Any, *which: ColumnElement[bool]) -> int:
    rows = select(callback.c.id).where(*which).limit(MOST).with_for_update(skip_locked=True)
    return tx.execute(statement.where(callback.c.id.in_(rows))).rowcount
