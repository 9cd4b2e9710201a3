"""Store: the events of a webhook enter the ledger, each once however often it comes; old ones leave it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from harkara.inbound.events import Event, Received, StatusChanged, Unknown
from harkara.inbound.reading import read
from harkara.ledger.database import Row, Transaction
from harkara.ledger.tables import event

RECEIVED = "received"
"""What `about` says of a customer's message; of a status it is the status, of anything else the event's own name."""

MOST = 500
"""Rows that are discarded in one transaction."""

RECOGNISED = timedelta(days=1)
"""So long at least a repeat is known for one: Chat Mitra does not say for how long it tries."""


def store(tx: Transaction, lane: str, raw: bytes, received_at: datetime | None = None) -> list[Event]:
    """Keeps what the bytes of a webhook say; returns those of its events that were not known yet.

    `received_at` is when the webhook came, if that was not just now.
    """
    at = received_at or tx.now
    fresh = []
    for one in read(raw, at):
        kept = tx.execute(tx.insert_new(event).returning(event.c.id), _row(lane, one, at) | {"due_at": tx.now})
        if kept.first():
            fresh.append(one)
    return fresh


def discard(tx: Transaction, retention_seconds: float | None) -> int:
    """Deletes events that are past their retention, of the oldest ones by number: so it need not search for them.

    Never one that has not been folded: after a long rest of the workers an opt-out may be among them.
    """
    if retention_seconds is None:
        return 0
    past = tx.now - max(timedelta(seconds=retention_seconds), RECOGNISED)
    oldest = select(event.c.id).order_by(event.c.id).limit(MOST)
    over = (event.c.received_at <= past, event.c.state != "new")
    return tx.execute(delete(event).where(event.c.id.in_(oldest), *over)).rowcount


def _row(lane: str, one: Event, received_at: datetime) -> Row:
    return {
        "lane": lane,
        "identity": one.identity,
        "about": _about(one),
        # PostgreSQL takes no NUL, and only what is unreadable can hold one.
        "body": one.body.decode("utf-8", "replace").replace("\0", "\ufffd"),
        "state": "unknown" if isinstance(one, Unknown) else "new",
        "at": one.at,
        "received_at": received_at,
    }


def _about(one: Event) -> str:
    match one:
        case StatusChanged():
            return one.status
        case Received():
            return RECEIVED
        case Unknown():
            return one.about
