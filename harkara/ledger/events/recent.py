"""The webhooks of the last day, by lane, and those of them that fit no message of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Subquery, func, select

from harkara.inbound.normalization import field_names
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


@dataclass(frozen=True, slots=True)
class OrphanEvent:
    """An event that fits no message. `fields` are the names of its fields, since its values are not shown.

    `recipient` is a name of the person, for a message that staff typed in the provider's dashboard.
    """

    id: int
    about: str
    at: datetime
    received_at: datetime
    recipient: str | None = field(repr=False)
    fields: Sequence[str]


def list_orphans(db: Database, lane: str, *, most: int, before: int | None, limit: int) -> list[OrphanEvent]:
    """Return the orphans among the newest `most` events of a lane within the last day, the newest first.

    `before` is the last id of the page before. Raises Unavailable.
    """
    columns = (event.c.id, event.c.about, event.c.at, event.c.received_at, event.c.sender, event.c.body)
    with db.read() as tx:
        newest = _newest(tx, lane, most)
        orphans = select(newest.c.id).where(newest.c.state == EventState.ORPHAN.value)
        if before is not None:
            orphans = orphans.where(newest.c.id < before)
        ids = orphans.order_by(newest.c.id.desc()).limit(limit).subquery()
        query = select(*columns).where(event.c.id.in_(select(ids.c.id))).order_by(event.c.id.desc()).limit(limit)
        return [
            OrphanEvent(identity, about, at, received_at, sender, field_names(body or "{}"))
            for identity, about, at, received_at, sender, body in tx.execute(query)
        ]


def _newest(tx: Transaction, lane: str, most: int) -> Subquery:
    mine = (event.c.lane == lane, event.c.received_at > tx.now - DAY)
    columns = select(event.c.id, event.c.state)
    return columns.where(*mine).order_by(event.c.received_at.desc()).limit(most).subquery()


def _of(tx: Transaction, lane: str, most: int) -> RecentEvents:
    last = tx.execute(select(func.max(event.c.received_at)).where(event.c.lane == lane)).scalar()
    newest = _newest(tx, lane, most)
    states = {row[0]: row[1] for row in tx.execute(select(newest.c.state, func.count()).group_by(newest.c.state))}
    return RecentEvents(lane, last, sum(states.values()), states.get(EventState.ORPHAN, 0))
