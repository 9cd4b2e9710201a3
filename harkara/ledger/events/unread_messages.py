"""Messages of customers that are stored and not applied yet: one may be an opt-out, or open a 24-hour window."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, select, text

from harkara.ledger.events.stored_event import RECEIVED, EventState
from harkara.ledger.tables import event
from harkara.ledger.transaction import Transaction

UNREAD = f"state = '{EventState.NEW}' AND about = '{RECEIVED}' AND tries = 0"
"""SQL: an event is such a message, as an index has them; a failed try makes it count no more."""


def oldest_unread(tx: Transaction, lanes: Collection[str]) -> Mapping[str, datetime]:
    """Return when the oldest such message of each of these lanes was received."""
    query = select(event.c.lane, func.min(event.c.received_at)).where(text(UNREAD), event.c.lane.in_(lanes))
    return {lane: received_at for lane, received_at in tx.execute(query.group_by(event.c.lane))}
