"""Read again what a process of an older release has stored or left as unknown, and this release can apply."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import update

from harkara.inbound.events import UnknownEvent
from harkara.ledger.database import Database
from harkara.ledger.events.store_events import Parse, name_of
from harkara.ledger.events.stored_event import EventState, StoredEvent, select_events
from harkara.ledger.tables import event

RECENT = timedelta(days=2)
"""While processes are restarted one after another, the old ones still store and process events."""

MAX_EVENTS = 10_000


def reread_unknown(db: Database, lanes: Collection[str], parse: Parse) -> int:
    """Make the unknown events of the last two days new that this release can parse; return how many.

    Every process does so once, when it starts. Raises Unavailable.
    """
    with db.write() as tx:
        recent = (event.c.lane.in_(lanes), event.c.received_at >= tx.now - RECENT)
        unknown = select_events().where(*recent, event.c.state == EventState.UNKNOWN.value, event.c.body.is_not(None))
        reread = 0
        for row in tx.load(StoredEvent, unknown.order_by(event.c.id).limit(MAX_EVENTS)):
            (parsed, *others) = parse(row.body.encode(), row.received_at)
            if others or isinstance(parsed, UnknownEvent):
                continue
            again = {"state": EventState.NEW.value, "about": name_of(parsed), "tries": 0, "due_at": tx.now}
            still_unknown = (event.c.id == row.id, event.c.state == EventState.UNKNOWN.value)
            reread += tx.execute(update(event).where(*still_unknown).values(**again)).rowcount
        return reread
