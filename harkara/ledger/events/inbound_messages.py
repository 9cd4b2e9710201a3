"""Apply a customer's message, which opens the 24-hour window, and the notice of a changed number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, text

from harkara.assistant.rules import AssistantRules
from harkara.inbound.contact import ConsentChoice
from harkara.inbound.events import MessageReceived, NumberChanged
from harkara.inbound.normalization import digest
from harkara.inbound.words import Cancel, Confirm, OptIn, OptOut, Reply, Reschedule, Words
from harkara.ledger.alarms.alarms import acknowledge_by_answer
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.contacts.consent import apply_consent, link_names
from harkara.ledger.contacts.customer import customer_data
from harkara.ledger.contacts.people import Person, use_number
from harkara.ledger.conversations.due_turns import resume_turn, schedule_turn, skip_turn
from harkara.ledger.conversations.record import record_words
from harkara.ledger.conversations.reengagement import continue_talk, find_asked, is_question
from harkara.ledger.events.stored_event import StoredEvent
from harkara.ledger.occasions.answers import record_answer
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Transaction
from harkara.people.names import is_user_id
from harkara.states import State

ANSWERABLE = timedelta(days=3)
"""How long after its reminder an occasion can be answered, if it is still to come."""

OFF = AssistantRules()
"""The assistant answers no one."""

CALLBACK_KINDS: dict[type[Reply], str] = {
    Confirm: "reminder.confirmed",
    Cancel: "reminder.cancelled",
    Reschedule: "reminder.rescheduled",
    OptOut: "contact.opted-out",
    OptIn: "contact.opted-in",
}
"""The second callback that a reply causes, besides `message.received`."""

NUMBER_CHANGED = "contact.changed-number"

_MAY_HAVE_ARRIVED = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ, State.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class RemindedOccasion:
    """The occasion whose reminder a customer answers."""

    id: str
    kind: str
    reference: str
    reminder: str
    """The id of its message."""


@dataclass(frozen=True, slots=True)
class InterpretedMessage:
    """The meaning of a customer's message: None as reply leaves it to staff, `occasion` is set for an answer."""

    reply: Reply | None
    occasion: RemindedOccasion | None = None
    person: Person | None = field(default=None, compare=False)


def apply_received(
    tx: Transaction, stored: StoredEvent, received: MessageReceived, words: Words, assistant: AssistantRules = OFF
) -> None:
    """Apply a customer's message and write its callbacks, in the transaction that marks its event as applied."""
    answers = _answered_message(tx, received)
    interpreted = record_received(
        tx, stored.lane, received, words, answers=answers, assistant=assistant, received_at=stored.received_at
    )
    subject = f"event_{stored.id}"
    sender = customer_data(received.names, interpreted.person, received.at)
    said = {"type": received.kind, "text": received.text, "payload": received.payload, "answers": answers}
    content = {"content": received.content.fields, "truncated": received.content.truncated}
    notify(tx, "message.received", stored.lane, subject, sender | said | content)
    if interpreted.reply is not None:
        details = _reply_details(interpreted.reply, interpreted.occasion)
        notify(tx, CALLBACK_KINDS[type(interpreted.reply)], stored.lane, subject, sender | details)


def apply_number_change(tx: Transaction, stored: StoredEvent, change: NumberChanged) -> None:
    """Make the names before and after the change one person's, and write the callback.

    The person wrote nothing: the 24-hour window of neither name opens.
    """
    person = link_names(tx, stored.lane, (*change.before, *change.after))
    # Later than both names, which may have become known in this transaction.
    use_number(tx, stored.lane, person, change.after[0], tx.now + timedelta(microseconds=1))
    data = {"from": change.before[0], "to": change.after[0], "person": person.id, "at": change.at.isoformat()}
    notify(tx, NUMBER_CHANGED, stored.lane, f"event_{stored.id}", data)


def record_received(
    tx: Transaction,
    lane: str,
    received: MessageReceived,
    words: Words,
    *,
    answers: str | None = None,
    assistant: AssistantRules = OFF,
    received_at: datetime | None = None,
) -> InterpretedMessage:
    """Record that a customer wrote, with their conversation, and apply an opt-out or opt-in with its proof.

    `answers` is the id of our message that this one replies to, if known. Of several open reminders that one is meant,
    otherwise the latest; one of another occasion that is not open is left to a person. `received_at` is when the event
    arrived, None for now. To record the same message twice stores its proof twice and counts it as two unread ones,
    and changes nothing else.
    """
    at = min(received.at, tx.now)
    person = link_names(tx, lane, received.names, wrote_at=at if received.opens_window else None)
    use_number(tx, lane, person, received.sender, at)
    before = find_asked(tx, lane, person.id) if words.still_needs_help(received.text, received.payload) else None
    recorded = record_words(tx, lane, person.id, at, name=received.name)
    conversation, number = recorded.row, _number(received, person)
    reminded = _reminded_occasion(tx, lane, person.names, answers)
    # An operator may be a customer as well: without a quoted message, an open reminder has precedence.
    acknowledges = words.acknowledges(received.text, received.payload) and (answers is not None or reminded is None)
    if acknowledges and acknowledge_by_answer(tx, lane, person.names, answers):
        resume_turn(tx, conversation, number, assistant, recorded.dropped, received_at)
        return InterpretedMessage(None, person=person)
    if before and (reminded is None or (answers is not None and is_question(tx, answers, person.id))):
        continue_talk(tx, before, conversation, number, assistant)
        return InterpretedMessage(None, person=person)
    reply = words.interpret(received.text, received.payload, reminder_open=reminded is not None)
    if isinstance(reply, Confirm | Cancel | Reschedule) and _answers_another(tx, received, reminded, answers):
        reply = None
    if isinstance(reply, OptOut) and reply.category is None:
        skip_turn(tx, conversation)
    elif reply is None and received.needs_answer:
        schedule_turn(tx, conversation, number, assistant, received_at)
    else:
        resume_turn(tx, conversation, number, assistant, recorded.dropped, received_at)
    if isinstance(reply, OptOut | OptIn):
        apply_consent(tx, lane, [_choice(received, reply, at)])
        return InterpretedMessage(reply, person=person)
    if reply and reminded:
        record_answer(tx, reminded.reminder, reply)
    return InterpretedMessage(reply, reminded if reply else None, person)


def _number(received: MessageReceived, person: Person) -> str | None:
    return next((name for name in (received.sender, *person.names) if not is_user_id(name)), None)


def _answered_message(tx: Transaction, received: MessageReceived) -> str | None:
    """Return our id of the message that it replies to, if an earlier event gave us WhatsApp's id of it."""
    if received.reply_to is None:
        return None
    return tx.execute(select(message.c.id).where(message.c.whatsapp_id == digest(received.reply_to))).scalar()


def _reply_details(reply: Reply, about: RemindedOccasion | None) -> dict[str, Any]:
    if isinstance(reply, OptOut | OptIn):
        return {"category": reply.category or "everything"}
    return {"occasion": {"kind": about.kind, "reference": about.reference} if about else None}


def _reminded_occasion(
    tx: Transaction, lane: str, names: Sequence[str], answers: str | None
) -> RemindedOccasion | None:
    """Return the coming occasion of the person with these names whose reminder is meant."""
    query = (
        select(occasion.c.id, occasion.c.kind, occasion.c.reference, message.c.id)
        .join(message, message.c.occasion_id == occasion.c.id)
        .where(
            text("occasion.status = 'open'"),  # as in the index
            occasion.c.recipient.in_(names),
            occasion.c.lane == lane,
            occasion.c.at > tx.now,
            message.c.state.in_([state.value for state in _MAY_HAVE_ARRIVED]),
            message.c.posted_at > tx.now - ANSWERABLE,
        )
        .order_by((message.c.id == answers).desc(), message.c.posted_at.desc())
        .limit(1)
    )
    row = tx.execute(query).first()
    return RemindedOccasion(*row) if row else None


def _answers_another(
    tx: Transaction, received: MessageReceived, reminded: RemindedOccasion | None, answers: str | None
) -> bool:
    """Whether it replies to the reminder of another occasion, or a button of another message was tapped.

    Buttons stay in the chat: one of an old reminder must not cancel the occasion whose reminder came last.
    """
    if reminded is None or answers is None or answers == reminded.reminder:
        return False
    about: str | None = tx.execute(select(message.c.occasion_id).where(message.c.id == answers)).scalar()
    return about != reminded.id and (about is not None or received.payload is not None)


def _choice(received: MessageReceived, reply: OptOut | OptIn, at: datetime) -> ConsentChoice:
    """The proof is the text, or the id and the title of the tapped button."""
    return ConsentChoice(
        recipient=received.sender,
        action="opt-out" if isinstance(reply, OptOut) else "opt-in",
        category=reply.category or "everything",
        how="customer",
        proof=": ".join(filter(None, (received.payload, received.text))),
        at=at,
    )
