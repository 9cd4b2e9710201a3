"""Messages that staff typed in the provider's dashboard: their events are about no message of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import func, literal_column, or_, select, text, update

from harkara.inbound import fingerprint
from harkara.inbound.events import StatusChanged
from harkara.inbound.matching import CLOCK_SKEW, RECENT
from harkara.inbound.normalization import outline
from harkara.ledger.conditions import ARRIVED, LEASED, SETTLED, in_state
from harkara.ledger.contacts.consent import link_names
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.database import Database
from harkara.ledger.events.candidate_messages import StatusEvent
from harkara.ledger.events.stored_event import EventState
from harkara.ledger.halts import LANES_TO_RECOVER
from harkara.ledger.tables import attempt, event, message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

_NEW = event.c.state == literal_column(f"'{EventState.NEW}'")


def list_typed(tx: Transaction, unmatched: Sequence[StatusEvent], last_try: int) -> list[StatusEvent]:
    """Return those of the events without a message of ours that are about what staff typed.

    A text of ours is found at once, since its attempt is committed before its POST, and the assistant must not answer
    beside a colleague. An event waits until its `last_try` if the answer to a POST may still give its job id, or
    `harkara recover` its message.
    """
    typed = [one for one in unmatched if _is_typed(one.change)]
    if not typed:
        return []
    to_recover = set(tx.execute(text(LANES_TO_RECOVER)).scalars())
    return [
        one
        for one in typed
        if one.stored.tries >= last_try or (one.change.job_id is None and one.stored.lane not in to_recover)
    ]


def record_typed(db: Database, one: StatusEvent, hold: timedelta) -> bool:
    """Record an event that stayed without a message as a reply of a person; return whether another process has not.

    The assistant is silent for `hold` from then on. The event keeps its text for the chat, under the name of its
    recipient. The event of a further POST of ours, or of one of several messages in a request of ours, is none of a
    person, and keeps only its outline. It is a transaction of its own, so that no lock of a person is held together
    with those of messages. Raises Unavailable; the event is then tried again.
    """
    stored, change = one.stored, one.change
    with db.write() as tx:
        locked = select(event.c.id).where(event.c.id == stored.id, _NEW).with_for_update(skip_locked=True)
        if tx.execute(locked).first() is None:
            return False
        names = ((change.recipient,) if change.recipient else ()) + change.user_ids
        person = link_names(tx, stored.lane, names)
        done: Row = {"state": EventState.ORPHAN.value}
        if _was_posted_again(tx, one) or _is_part_of_ours(tx, stored.lane, person.names, change):
            done["body"] = outline(stored.body)
        else:
            record_reply(tx, stored.lane, person.id, min(change.at, tx.now), hold=hold)
            done["sender"] = names[0]
        tx.execute(update(event).where(event.c.id == stored.id).values(**done))
        return True


def _is_typed(change: StatusChanged) -> bool:
    """Whether the event has the text of a message, if it is about none of ours."""
    return change.status == "sent" and change.text is not None and change.recipient is not None


def _was_posted_again(tx: Transaction, one: StatusEvent) -> bool:
    """Return whether a message of ours with this content had two recent POSTs that may both have arrived.

    The message has WhatsApp's id of the first that was reported, so that the event of the other one finds none.
    """
    if not one.fingerprints:
        return False
    these = (attempt.c.echo.in_(one.fingerprints), ARRIVED, attempt.c.started_at >= one.change.at - RECENT)
    twice = select(attempt.c.message_id).where(*these).group_by(attempt.c.message_id).having(func.count() > 1)
    return tx.execute(twice.limit(1)).first() is not None


def _is_part_of_ours(tx: Transaction, lane: str, names: Sequence[str], change: StatusChanged) -> bool:
    """Return whether a recent request of ours with several messages has this one: an attempt has no digest of each.

    Of a request with a one-time code nothing is left to compare once it is accepted, so any text may be part of it.
    """
    query = select(message.c.body).where(
        message.c.recipient.in_(names),
        message.c.lane == lane,
        message.c.kind == "batch",
        or_(message.c.body.is_not(None), message.c.category == "authentication"),
        message.c.posted_at >= change.at - RECENT,
        message.c.created_at <= change.at + CLOCK_SKEW,
    )
    return any(
        body is None or _contains(body, change)
        for state in (SETTLED, LEASED, in_state(State.WAITING))
        for body in tx.execute(query.where(state)).scalars()
    )


def _contains(body: str, change: StatusChanged) -> bool:
    parts = json.loads(body)["messages"]
    return any(fingerprint.of_request({"messages": [part]}) == change.digest for part in parts)
