"""Messages that staff typed in the provider's dashboard: their events are about no message of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import literal_column, select, text, update

from harkara.inbound import fingerprint
from harkara.inbound.events import StatusChanged
from harkara.inbound.matching import CLOCK_SKEW, RECENT
from harkara.inbound.normalization import outline
from harkara.ledger.conditions import LEASED, SETTLED, in_state
from harkara.ledger.contacts.consent import link_names
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import EventState, StoredEvent
from harkara.ledger.halts import LANES_TO_RECOVER
from harkara.ledger.tables import event, message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

_NEW = event.c.state == literal_column(f"'{EventState.NEW}'")


def list_typed(
    tx: Transaction, unmatched: Sequence[tuple[StoredEvent, StatusChanged]], last_try: int
) -> list[tuple[StoredEvent, StatusChanged]]:
    """Return those of the events without a message of ours that are about what staff typed.

    A text of ours is found at once, since its attempt is committed before its POST, and the assistant must not answer
    beside a colleague. An event waits until its `last_try` if the answer to a POST may still give its job id, or
    `harkara recover` its message.
    """
    typed = [one for one in unmatched if _is_typed(one[1])]
    if not typed:
        return []
    to_recover = set(tx.execute(text(LANES_TO_RECOVER)).scalars())
    return [
        (stored, change)
        for stored, change in typed
        if stored.tries >= last_try or (change.job_id is None and stored.lane not in to_recover)
    ]


def record_typed(db: Database, stored: StoredEvent, change: StatusChanged, hold: timedelta) -> bool:
    """Record an event that stayed without a message as a reply of a person; return whether another process has not.

    The assistant is silent for `hold` from then on. The event keeps its text for the chat, under the name of its
    recipient. The event of one of several messages in a request of ours is none of a person, and keeps only its
    outline. It is a transaction of its own, so that no lock of a person is held together with those of messages.
    Raises Unavailable; the event is then tried again.
    """
    with db.write() as tx:
        locked = select(event.c.id).where(event.c.id == stored.id, _NEW).with_for_update(skip_locked=True)
        if tx.execute(locked).first() is None:
            return False
        names = ((change.recipient,) if change.recipient else ()) + change.user_ids
        person = link_names(tx, stored.lane, names)
        done: Row = {"state": EventState.ORPHAN.value}
        if _is_part_of_ours(tx, stored.lane, person.names, change):
            done["body"] = outline(stored.body)
        else:
            record_reply(tx, stored.lane, person.id, min(change.at, tx.now), hold=hold)
            done["sender"] = names[0]
        tx.execute(update(event).where(event.c.id == stored.id).values(**done))
        return True


def _is_typed(change: StatusChanged) -> bool:
    """Whether the event has the text of a message, if it is about none of ours."""
    return change.status == "sent" and change.text is not None and change.recipient is not None


def _is_part_of_ours(tx: Transaction, lane: str, names: Sequence[str], change: StatusChanged) -> bool:
    """Return whether a recent request of ours with several messages has this one: an attempt has no digest of each."""
    query = select(message.c.body).where(
        message.c.recipient.in_(names),
        message.c.lane == lane,
        message.c.kind == "batch",
        message.c.body.is_not(None),
        message.c.posted_at >= change.at - RECENT,
        message.c.created_at <= change.at + CLOCK_SKEW,
    )
    return any(
        fingerprint.of_request({"messages": [part]}) == change.digest
        for state in (SETTLED, LEASED, in_state(State.WAITING))
        for body in tx.execute(query.where(state)).scalars()
        for part in json.loads(body)["messages"]
    )
