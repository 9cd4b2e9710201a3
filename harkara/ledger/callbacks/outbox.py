"""The outbox: claim callbacks that are due, and record what became of their delivery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, literal_column, select, update

from harkara.ledger.callbacks.notify import payload
from harkara.ledger.database import Database
from harkara.ledger.locked_batch import lock_batch
from harkara.ledger.tables import callback
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.write_each import write_each

log = structlog.get_logger(__name__)

MAX_ROWS = 1000
"""Rows that one transaction expires or deletes."""


@dataclass(frozen=True, slots=True)
class ClaimedCallback:
    """A callback that this worker has claimed.

    `tries` counts this try too. Like a message's epoch it is a fencing token: a later claim has a higher one.
    `claimed_at` is the database's time. `subject` is the id of the message, if it is about one, and `traceparent` the
    W3C Trace Context of that.
    """

    id: str
    kind: str
    created_at: datetime
    expires_at: datetime
    tries: int
    claimed_at: datetime
    lane: str
    subject: str
    traceparent: str | None
    data: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivered:
    """The application answered with a 2xx status."""

    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The application refused it, or gave no answer: the next try is after `seconds`, unless it expires before."""

    reason: str
    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Dead:
    """The application will never take it."""

    reason: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Untried:
    """Nothing was sent: this counts as no try, and expires no callback."""

    reason: str | None = None
    seconds: float = 0.0


DeliveryResult = Delivered | Failed | Dead | Untried


_CLAIMED = ("id", "kind", "lane", "subject", "created_at", "expires_at", "tries", "data")


def claim(db: Database, limit: int, lease_seconds: float) -> list[ClaimedCallback]:
    """Claim callbacks that are due, the oldest first; each is due again when its lease is over. Raises Unavailable."""
    with db.read() as tx:
        if not tx.rows(select(callback.c.id).where(*is_due(tx)).limit(1)):
            return []  # the common case needs no write
    with db.write() as tx:
        oldest = select(callback.c.id).where(*is_due(tx)).order_by(callback.c.due_at).limit(limit)
        rows = tx.rows(
            update(callback)
            .where(callback.c.id.in_(lock_batch(oldest)))
            .values(due_at=tx.now + timedelta(seconds=lease_seconds), tries=callback.c.tries + 1)
            .returning(*(callback.c[name] for name in _CLAIMED))
        )
        now = tx.now
    claimed = [one for row in rows if (one := _claimed(db, row, now))]
    return sorted(claimed, key=lambda one: one.id)


def _claimed(db: Database, row: Row, now: datetime) -> ClaimedCallback | None:
    """Return the claimed callback; one whose data cannot be read becomes dead, so that it stops no other."""
    try:
        return ClaimedCallback(**row | {"claimed_at": now} | payload(row["kind"], row["data"])._asdict())
    except Exception as error:
        name = type(error).__name__
        log.error("callback not readable", action="callback_unreadable", id=row["id"], error=name)
        with db.write() as tx:
            dead = {"state": "dead", "done_at": tx.now, "reason": f"Its stored data cannot be read ({name})."}
            tx.execute(update(callback).where(callback.c.id == row["id"]).values(**dead))
        return None


def record_results(db: Database, results: Sequence[tuple[ClaimedCallback, DeliveryResult]]) -> Counter[str]:
    """Record the results; return how many callbacks were delivered, failed, died or were untried. Raises Unavailable.

    A result of a worker whose lease is over is ignored if another worker has claimed the callback since. Only
    `Delivered` counts from any worker.
    """
    outcomes: Counter[str] = Counter()

    def record(part: Sequence[tuple[ClaimedCallback, DeliveryResult]]) -> None:
        with db.write() as tx:
            rows = [_result_row(one, result, tx.now) for one, result in sorted(part, key=lambda pair: pair[0].id)]
            tx.execute_each(_RECORD, _RESULT_COLUMNS, rows, now=tx.now)
        outcomes.update(row["outcome"] for row in rows)

    write_each(results, record, _log_unrecorded)
    return outcomes


def _log_unrecorded(pair: tuple[ClaimedCallback, DeliveryResult], error: Exception) -> None:
    """Log a result that cannot be recorded: the callback is tried again after its lease, until its lifetime is over."""
    log.error("callback result not recorded", action="callback_failed", id=pair[0].id, error=type(error).__name__)


def expire(db: Database, reason: str) -> int:
    """Mark as dead what is due and past its lifetime, while the application takes nothing; return how many."""
    with db.write() as tx:
        late = select(callback.c.id).where(*is_due(tx), callback.c.expires_at <= tx.now).limit(MAX_ROWS)
        which = callback.c.id.in_(lock_batch(late))
        return tx.execute(update(callback).where(which).values(state="dead", done_at=tx.now, reason=reason)).rowcount


def is_due(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (in_callback_state("waiting"), callback.c.due_at <= tx.now)


def in_callback_state(state: str) -> ColumnElement[bool]:
    """Return a condition with the state as a literal, without which neither database uses the partial indexes."""
    return callback.c.state == literal_column(f"'{state}'")


_RESULT_COLUMNS = {
    "id": "text",
    "tries": "integer",
    "untried": "integer",
    "state": "text",
    "status": "integer",
    "reason": "text",
    "due_at": "timestamptz",
}
_RECORD = """
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


def _result_row(one: ClaimedCallback, result: DeliveryResult, now: datetime) -> Row:
    """Return the columns that a result leads to, and the `outcome` by which it is counted."""
    row = {"id": one.id, "tries": one.tries, "untried": 0, "due_at": now, "status": None, "reason": None}
    match result:
        case Delivered(status=status):
            return row | {"outcome": "delivered", "state": "delivered", "status": status}
        case Dead(reason=reason, status=status):
            return row | {"outcome": "dead", "state": "dead", "reason": reason, "status": status}
        case Failed(reason=reason, status=status, seconds=seconds):
            again = now + timedelta(seconds=seconds)
            expired = again >= one.expires_at
            end = {"outcome": "dead", "state": "dead"} if expired else {"outcome": "failed", "state": "waiting"}
            return row | end | {"reason": reason, "status": status, "due_at": again}
        case Untried(reason=reason, seconds=seconds):
            again = now + timedelta(seconds=seconds)
            waiting = {"outcome": "untried", "state": "waiting", "untried": 1}
            return row | waiting | {"reason": reason, "due_at": again}
