"""Contacts: when somebody last wrote to an account."""

from __future__ import annotations

from sqlalchemy import or_, update

from harkara.inbound.events import Received
from harkara.inbound.words import Reply, Words
from harkara.ledger.database import Transaction
from harkara.ledger.tables import contact


def heard(tx: Transaction, lane: str, received: Received, words: Words) -> Reply | None:
    """Notes that a customer wrote, which opens the 24-hour window; returns what it means."""
    mine = {"lane": lane, "recipient": received.sender}
    tx.execute(tx.insert_new(contact), mine | {"changed_at": tx.now})
    tx.execute(
        update(contact)
        .where(
            contact.c.lane == lane,
            contact.c.recipient == received.sender,
            or_(contact.c.wrote_at.is_(None), contact.c.wrote_at < received.at),
        )
        .values(wrote_at=received.at)
    )
    return words.judge(received.text, received.payload, reminder_open=False)
