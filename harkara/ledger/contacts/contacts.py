"""Load what is known about contacts, and record that a customer wrote."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select, tuple_, update

from harkara.inbound.contact import ContactState
from harkara.inbound.window import LENGTH
from harkara.ledger.database import Transaction
from harkara.ledger.tables import contact

ContactKey = tuple[str, str]
"""A lane and a phone number."""


def load_contacts(tx: Transaction, keys: Collection[ContactKey]) -> dict[ContactKey, ContactState]:
    """Return the contacts among these keys that have written or chosen; the others have no row."""
    return _load(tx, _LOAD, keys) if keys else {}


def load_opted_out(tx: Transaction, keys: Collection[ContactKey]) -> dict[ContactKey, ContactState]:
    """Return the contacts among these keys that have an opt-out. Every call of `accept` runs this query."""
    return _load(tx, f"{_LOAD} WHERE contact.stopped IS NOT NULL", keys) if keys else {}


def record_message_time(tx: Transaction, lane: str, sender: str, at: datetime) -> None:
    """Record that a customer wrote at `at`, which opens their 24-hour window.

    The latest time stays, in whatever order messages arrive and however many workers record them at once.
    """
    key = {"lane": lane, "recipient": sender}
    if tx.execute(tx.insert_new(contact).returning(contact.c.recipient), key | {"wrote_at": at}).first():
        return
    existing = update(contact).where(*(contact.c[name] == value for name, value in key.items()))
    tx.execute(existing.where((contact.c.wrote_at < at) | contact.c.wrote_at.is_(None)).values(wrote_at=at))


def delete_inactive(tx: Transaction, retention_seconds: float | None, limit: int) -> int:
    """Delete contacts that wrote before the retention and never opted out or in; return how many.

    A contact with a choice stays for ever, together with its proof. None as retention deletes nothing.
    """
    if retention_seconds is None:
        return 0
    key = tuple_(contact.c.lane, contact.c.recipient)
    long_ago = contact.c.wrote_at <= tx.now - max(timedelta(seconds=retention_seconds), LENGTH)
    inactive = select(contact.c.lane, contact.c.recipient).where(contact.c.wished_at.is_(None), long_ago)
    return tx.execute(delete(contact).where(key.in_(inactive.limit(limit)))).rowcount


_COLUMNS = tuple(contact.c[name] for name in ("lane", "recipient", "wrote_at", "stopped", "agreed_at", "wished_at"))

# SQL text, since it is on the hot path: it runs before every acceptance and for every chunk of messages to send.
_LOAD = f"""
SELECT {", ".join(f"contact.{column.name}" for column in _COLUMNS)} FROM contact
JOIN {{each}} ON contact.lane = each.lane AND contact.recipient = each.person
"""


def _load(tx: Transaction, statement: str, keys: Collection[ContactKey]) -> dict[ContactKey, ContactState]:
    people = [{"lane": lane, "person": person} for lane, person in set(keys)]
    rows = tx.execute_each(statement, {"lane": "text", "person": "text"}, people, returning=_COLUMNS)
    return {
        (lane, recipient): ContactState(wrote_at=wrote_at, stopped=stopped, agreed_at=agreed_at, chosen_at=chosen_at)
        for lane, recipient, wrote_at, stopped, agreed_at, chosen_at in rows
    }
