"""Messages that staff typed in the provider's dashboard: their events are about no message of ours."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import literal_column, select, update

from harkara.inbound.events import StatusChanged
from harkara.ledger.contacts.consent import link_names
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState, StoredEvent
from harkara.ledger.tables import event

_NEW = event.c.state == literal_column(f"'{EventState.NEW}'")


def is_typed(change: StatusChanged) -> bool:
    """Whether the event has the text of a message, if it is about none of ours."""
    return change.status == "sent" and change.text is not None and change.recipient is not None


def record_typed(db: Database, stored: StoredEvent, change: StatusChanged, hold: timedelta) -> bool:
    """Record an event that stayed without a message as a reply of a person; return whether another process has not.

    The assistant is silent for `hold` from then on. The event keeps its text for the chat, under the name of its
    recipient. It is a transaction of its own, so that no
    lock of a person is held together with those of messages. Raises Unavailable; the event is then tried again.
    """
    with db.write() as tx:
        locked = select(event.c.id).where(event.c.id == stored.id, _NEW).with_for_update(skip_locked=True)
        if tx.execute(locked).first() is None:
            return False
        names = ((change.recipient,) if change.recipient else ()) + change.user_ids
        person = link_names(tx, stored.lane, names)
        record_reply(tx, stored.lane, person.id, min(change.at, tx.now), hold=hold)
        done = {"state": EventState.ORPHAN.value, "sender": names[0]}
        tx.execute(update(event).where(event.c.id == stored.id).values(**done))
        return True
