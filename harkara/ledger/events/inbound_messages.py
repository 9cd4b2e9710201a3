"""Hear: what a customer wrote opens the window, is judged, and is told to the application."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from harkara.inbound.events import Received
from harkara.inbound.values import digest
from harkara.inbound.words import Cancel, Confirm, OptIn, OptOut, Reply, Reschedule, Words
from harkara.ledger.callbacks.notify import tell
from harkara.ledger.contacts.contacts import Heard, heard
from harkara.ledger.database import Row, Transaction
from harkara.ledger.tables import message

TOLD: dict[type[Reply], str] = {
    Confirm: "reminder.confirmed",
    Cancel: "reminder.cancelled",
    Reschedule: "reminder.rescheduled",
    OptOut: "contact.opted-out",
    OptIn: "contact.opted-in",
}
"""What the application hears of an answer, besides the message itself."""


def hear(tx: Transaction, row: Row, received: Received, words: Words) -> None:
    """Everything that follows from one message of a customer, in the transaction that marks its event as folded."""
    answered = _answered(tx, received)
    found = heard(tx, row["lane"], received, words, answers=answered)
    subject = f"event_{row['id']}"
    said: dict[str, Any] = {"from": received.sender, "at": received.at.isoformat()}
    content = {"type": received.kind, "text": received.text, "payload": received.payload, "answers": answered}
    tell(tx, "message.received", row["lane"], subject, said | content)
    if found.reply is not None:
        tell(tx, TOLD[type(found.reply)], row["lane"], subject, said | _particulars(found))


def _particulars(found: Heard) -> dict[str, Any]:
    """What an opt-out is of, or which occasion an answer is about."""
    if isinstance(found.reply, OptOut | OptIn):
        return {"category": found.reply.category or "everything"}
    return {"occasion": {"kind": found.about.kind, "reference": found.about.reference} if found.about else None}


def _answered(tx: Transaction, received: Received) -> str | None:
    """Our id of the message that it answers, if it names one that events have told us of."""
    if received.reply_to is None:
        return None
    return tx.execute(select(message.c.id).where(message.c.whatsapp_id == digest(received.reply_to))).scalar()
