"""The webhooks of the last day, by lane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.tables import event
from harkara.ledger.transaction import Transaction

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RecentEvents:
    """The events of a lane within the last day, and how many of them fit no message of the ledger."""

    lane: str
    last_at: datetime | None
    number: int
    orphans: int


def recent_events(db: Database, lanes: Iterable[str], *, most: int) -> list[RecentEvents]:
    """Return the events of these lanes, counted in the newest `most`. Raises Unavailable."""
    with db.read() as tx:
        return [_of(tx, lane, most) for lane in lanes]


def _of(tx: Transaction, lane: str, most: int) -> RecentEvents:
    last = tx.execute(select(func.max(event.c.received_at)).where(event.c.lane == lane)).scalar()
    newest = (
        select(event.c.state)
        .where(event.c.lane == lane, event.c.received_at > tx.now - DAY)
        .order_by(event.c.received_at.desc())
        .limit(most)
        .subquery()
    )
    states = {row[0]: row[1] for row in tx.execute(select(newest.c.state, func.count()).group_by(newest.c.state))}
    return RecentEvents(lane, last, sum(states.values()), states.get(EventState.ORPHAN, 0))
