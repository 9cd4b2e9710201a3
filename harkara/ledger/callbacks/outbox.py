"""The outbox: callbacks on their way to the application, each taken by one worker at a time until it was delivered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal_column, select, update

from harkara.ledger.callbacks.notify import data_of
from harkara.ledger.database import Database, Row, Transaction, to_sql
from harkara.ledger.tables import callback

MOST = 1000
"""Rows that are given up or tidied in one transaction."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A callback in the hands of this worker. `tries` counts this one, and fences as a message's epoch does."""

    id: str
    kind: str
    created_at: datetime
    expires_at: datetime
    tries: int
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The application took it."""

    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not, or nobody knows: again after so many seconds, unless its day is over by then."""

    reason: str
    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Dead:
    """It never will."""

    reason: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Untried:
    """Nothing was sent, which costs no try and kills nothing."""

    reason: str | None = None
    seconds: float = 0.0


Verdict = Delivered | Failed | Dead | Untried


def take(db: Database, most: int, lease_seconds: float) -> list[Notice]:
    """Takes what is due, the oldest first, and makes it due again when the lease is over. Raises Unavailable."""
    with db.read() as tx:
        if not tx.rows(select(callback.c.id).where(*due(tx)).limit(1)):
            return []  # the common case writes nothing
    with db.write() as tx:
        oldest = select(callback.c.id).where(*due(tx)).order_by(callback.c.due_at).limit(most)
        rows = tx.rows(
            update(callback)
            .where(callback.c.id.in_(oldest.with_for_update(skip_locked=True)))
            .values(due_at=tx.now + timedelta(seconds=lease_seconds), tries=callback.c.tries + 1)
            .returning(*(callback.c[name] for name in ("id", "kind", "created_at", "expires_at", "tries", "data")))
        )
    notices = [Notice(**row | {"data": data_of(row["kind"], row["data"])}) for row in rows]
    return sorted(notices, key=lambda notice: notice.id)


def settle(db: Database, verdicts: Sequence[tuple[Notice, Verdict]]) -> Counter[str]:
    """Writes what became of each; returns how many were delivered, failed, died or were not tried. Raises Unavailable.

    What somebody else took after the lease is theirs to write; but that it was delivered counts from whoever says so.
    """
    with db.write() as tx:
        rows = [_written(notice, verdict, tx.now) for notice, verdict in sorted(verdicts, key=lambda each: each[0].id)]
        tx.execute_each(_SETTLE, _VERDICT, rows, now=tx.now)
    return Counter(row["outcome"] for row in rows)


def bury(db: Database, reason: str) -> int:
    """Gives up what could not be told within its day, since the application takes nothing at all; returns how many."""
    with db.write() as tx:
        late = select(callback.c.id).where(*due(tx), callback.c.expires_at <= tx.now).limit(MOST)
        which = callback.c.id.in_(late.with_for_update(skip_locked=True))
        return tx.execute(update(callback).where(which).values(state="dead", done_at=tx.now, reason=reason)).rowcount


def due(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (kept("waiting"), callback.c.due_at <= tx.now)


def kept(state: str) -> ColumnElement[bool]:
    """A condition on the state as a literal: a bound parameter would hide the partial indexes from both databases."""
    return callback.c.state == literal_column(f"'{state}'")


_VERDICT = {
    "id": "text",
    "tries": "integer",
    "untried": "integer",
    "state": "text",
    "status": "integer",
    "reason": "text",
    "due_at": "timestamptz",
}
_SETTLE = """
UPDATE callback
SET state = each.state, due_at = each.due_at, tries = callback.tries - each.untried,
    status = coalesce(each.status, callback.status),
    reason = CASE WHEN each.state = 'delivered' THEN NULL ELSE coalesce(each.reason, callback.reason) END,
    data = CASE WHEN each.state = 'delivered' THEN NULL ELSE callback.data END,
    done_at = CASE WHEN each.state = 'waiting' THEN NULL ELSE :now END
FROM {each}
WHERE callback.id = each.id AND callback.state <> 'delivered'
  AND (callback.tries = each.tries OR each.state = 'delivered')
"""


def _written(notice: Notice, verdict: Verdict, now: datetime) -> Row:
    """The columns that a verdict leads to, and the word that it is counted by."""
    row = {"id": notice.id, "tries": notice.tries, "untried": 0, "due_at": to_sql(now), "status": None, "reason": None}
    match verdict:
        case Delivered(status=status):
            return row | {"outcome": "delivered", "state": "delivered", "status": status}
        case Dead(reason=reason, status=status):
            return row | {"outcome": "dead", "state": "dead", "reason": reason, "status": status}
        case Failed(reason=reason, status=status, seconds=seconds):
            again = now + timedelta(seconds=seconds)
            over = again >= notice.expires_at
            end = {"outcome": "dead", "state": "dead"} if over else {"outcome": "failed", "state": "waiting"}
            return row | end | {"reason": reason, "status": status, "due_at": to_sql(again)}
        case Untried(reason=reason, seconds=seconds):
            again = now + timedelta(seconds=seconds)
            free = {"outcome": "untried", "state": "waiting", "untried": 1}
            return row | free | {"reason": reason, "due_at": to_sql(again)}
