"""Messages of customers that are stored and not applied yet: one may have opened a 24-hour window."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, literal_column, select

from harkara.ledger.events.stored_event import RECEIVED, EventState
from harkara.ledger.tables import event
from harkara.ledger.transaction import Transaction


def oldest_unread(tx: Transaction, lanes: Collection[str]) -> Mapping[str, datetime]:
    """Return when the oldest such message of each of these lanes was received; a failed try makes it count no more."""
    unread = (
        event.c.state == literal_column(f"'{EventState.NEW}'"),  # as in the index
        event.c.about == literal_column(f"'{RECEIVED}'"),
        event.c.tries == 0,
    )
    query = select(event.c.lane, func.min(event.c.received_at)).where(*unread, event.c.lane.in_(lanes))
    return {lane: received_at for lane, received_at in tx.execute(query.group_by(event.c.lane))}
