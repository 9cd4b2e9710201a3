"""Read again what a process of an older release has stored or left as unknown, and this release can apply."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import String, cast, exists, update

from harkara.inbound.events import Event, MessageReceived, UnknownEvent
from harkara.ledger.database import Database
from harkara.ledger.events.process import EventContext, is_own_number
from harkara.ledger.events.store_events import name_of
from harkara.ledger.events.stored_event import EventState, StoredEvent, select_events
from harkara.ledger.tables import dead_letter, event

RECENT = timedelta(days=2)
"""While processes are restarted one after another, the old ones still store and process events."""

MAX_EVENTS = 10_000

_UNKNOWN = (event.c.state == EventState.UNKNOWN.value, event.c.body.is_not(None))


def reread_unknown(db: Database, context: EventContext, since: timedelta = RECENT) -> int:
    """Make the unknown events new that arrived within the time `since`, and that this release applies.

    Those with a dead letter wait for a person. Return how many. Raises Unavailable.
    """
    letter = (dead_letter.c.source == "events", dead_letter.c.entry == cast(event.c.id, String))
    with db.read() as tx:
        recent = (event.c.lane.in_(context.lanes), event.c.received_at >= tx.now - since)
        unknown = select_events().where(*recent, *_UNKNOWN, ~exists().where(*letter)).order_by(event.c.id)
        rows = tx.load(StoredEvent, unknown.limit(MAX_EVENTS))
    parsed = [(row, context.parse(row.body.encode(), row.received_at)) for row in rows]
    known = [(row.id, name_of(events[0])) for row, events in parsed if _is_known(context, row.lane, events)]
    return _renew(db, known) if known else 0


def _is_known(context: EventContext, lane: str, events: Sequence[Event]) -> bool:
    match events:
        case [UnknownEvent()]:
            return False
        case [MessageReceived() as received]:
            return not is_own_number(context.lanes[lane], received.sender)
        case [_]:
            return True
    return False


def _renew(db: Database, known: Sequence[tuple[int, str]]) -> int:
    """Make these events new, with the name that this release has for each, unless another process has done so."""
    with db.write() as tx:
        renewed = 0
        for number, about in known:
            again = {"state": EventState.NEW.value, "about": about, "tries": 0, "due_at": tx.now}
            renewed += tx.execute(update(event).where(event.c.id == number, *_UNKNOWN).values(**again)).rowcount
        return renewed
