"""What people do in a conversation: reply, read, and record an opt-out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from harkara.errors import Conflict, Invalid
from harkara.inbound.contact import ConsentCategory, ConsentChoice, ConsentSource
from harkara.ledger.contacts.consent import apply_consent
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.record import record_reply
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation
from harkara.ledger.users.acts import Actor, record_act
from harkara.messages import Envelope, Template, Text
from harkara.people.names import normalize_stored
from harkara.receipt import Receipt

Enqueue = Callable[[Sequence[Envelope]], Sequence[Receipt | Conflict | Invalid]]
"""Accepts messages, as `LedgerBackend.enqueue` does."""


def reply(
    db: Database,
    enqueue: Enqueue,
    person: Participant,
    message: Text | Template,
    *,
    producer: str,
    hold: timedelta,
    reference: str | None = None,
    by: Actor | None = None,
) -> Receipt:
    """Send a message to the person of a conversation, as any other message: a repeated reference sends nothing twice.

    The revision of the conversation grows before the message is accepted, so that an answer to an earlier revision can
    be dropped; the assistant is silent for `hold`. Raises Conflict if the 24-hour window is shut for a text, if no
    number is known, or if the reference has another content; Invalid if the person refuses the message.
    """
    if person.number is None:
        raise Conflict("WhatsApp hides the number of this person, and messages need one")
    to = normalize_stored(person.number)
    envelope = Envelope(to=to, messages=[message], lane=person.lane, reference=reference, producer=producer)
    if isinstance(message, Text) and person.window_ends_at(db.now()) is None:
        raise Conflict("the 24-hour window is closed: send a template, which opens the conversation when they answer")
    if why := person.state.objection(envelope.category):
        raise Invalid("to", f"this person {why}")
    with db.write() as tx:
        record_reply(tx, person.lane, person.id, hold=hold)
    (receipt,) = enqueue([envelope])
    if isinstance(receipt, Conflict | Invalid):
        raise receipt
    if by and receipt.new:
        with db.write() as tx:
            record_act(tx, by, "conversation.replied", f"{person.lane} {person.number}")
    return receipt


def mark_read(db: Database, person: Participant, revision: int | None = None, by: Actor | None = None) -> bool:
    """Mark the messages of a conversation as read; return whether some were unread.

    With the `revision` that the reader has seen, nothing is done if a message has come since.
    """
    of_person = [conversation.c.lane == person.lane, conversation.c.person == person.id]
    of_person += [] if revision is None else [conversation.c.revision == revision]
    with db.write() as tx:
        locked = select(conversation.c.unread).where(*of_person).with_for_update()
        unread = tx.execute(locked).scalar() or 0
        if not unread:
            return False
        tx.execute(update(conversation).where(*of_person).values(unread=0))
        if by:
            record_act(tx, by, "conversation.read", f"{person.lane} {person.number or person.id}", number=unread)
        return True


def opt_out(
    db: Database,
    person: Participant,
    category: ConsentCategory,
    proof: str,
    *,
    how: ConsentSource,
    at: datetime | None = None,
    by: Actor | None = None,
) -> list[str]:
    """Record that the person refuses messages, with the words that show it; return the ids of cancelled messages.

    Raises Invalid for an empty proof.
    """
    with db.write() as tx:
        name = person.number or person.names[0]
        choice = ConsentChoice.parse(
            name, action="opt-out", category=category, how=how, proof=proof, at=min(at or tx.now, tx.now)
        )
        cancelled = apply_consent(tx, person.lane, [choice])
        if by:
            record_act(tx, by, "contact.opted-out", f"{person.lane} {name}", filter=category, number=len(cancelled))
        return cancelled
