"""Notices: which receivers still have to get an alarm that has opened or closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, update

from harkara.goals.alarm import Alarm
from harkara.ledger.alarms.alarms import CLOSED, OPENED, as_alarm
from harkara.ledger.database import Database
from harkara.ledger.tables import alarm, notice

LIFETIME: Final = timedelta(days=1)
"""How long a receiver that does not answer is tried."""

MOST: Final = 100
"""Notices of one round for each receiver: those of one that does not answer must not hide the others'."""

__all__ = ["CLOSED", "OPENED", "OpenNotice", "mark_done", "mark_failed", "open_notices"]


@dataclass(frozen=True, slots=True)
class OpenNotice:
    """A notice that its receiver does not have yet. `expired` says that it has been tried for long enough."""

    id: int
    event: str
    receiver: str
    tries: int
    expired: bool
    alarm: Alarm


def open_notices(db: Database) -> list[OpenNotice]:
    """Return the notices that are not done: the oldest of each receiver, then the next of each. Raises Unavailable."""
    number = func.row_number().over(partition_by=notice.c.receiver, order_by=notice.c.id).label("number")
    waiting = select(notice, number).where(notice.c.done_at.is_(None)).subquery()
    query = select(waiting).where(waiting.c.number <= MOST).order_by(waiting.c.number, waiting.c.id)
    with db.read() as tx:
        found = tx.execute(query).all()
        ids = {row.alarm_id for row in found}
        alarms = {row["id"]: as_alarm(row) for row in tx.rows(select(alarm).where(alarm.c.id.in_(ids)))} if ids else {}
        return [
            OpenNotice(
                row.id, row.event, row.receiver, row.tries, row.created_at < tx.now - LIFETIME, alarms[row.alarm_id]
            )
            for row in found
        ]


def mark_done(db: Database, identity: int) -> None:
    """Record that the receiver has the notice, or never gets it."""
    with db.write() as tx:
        tx.execute(update(notice).where(notice.c.id == identity).values(done_at=tx.now))


def mark_failed(db: Database, identity: int) -> None:
    """Count a try that the receiver did not take."""
    with db.write() as tx:
        tx.execute(update(notice).where(notice.c.id == identity).values(tries=notice.c.tries + 1))
