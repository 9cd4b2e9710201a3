"""Store: the events of a webhook enter the ledger, each once however often it comes; old ones leave it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from harkara.chatmitra.webhooks import read
from harkara.inbound.events import Event, Received, StatusChanged, Unknown
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.tables import event

RECEIVED = "received"
"""What `about` says of a customer's message; of a status it is the status, of anything else the event's own name."""

MOST = 500
"""Rows that are discarded in one transaction."""

RECOGNISED = timedelta(days=1)
"""So long at least a repeat is known for one: Chat Mitra does not say for how long it tries."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One as it came, byte by byte; `came_at` is when, if that was not just now."""

    lane: str
    raw: bytes = field(repr=False)
    came_at: datetime | None = None


def store_all(db: Database, webhooks: Sequence[Webhook]) -> list[list[Event]]:
    """Keeps them in a transaction of their own, all or none, as `store` does. Raises Unavailable."""
    with db.write() as tx:
        return store(tx, webhooks)


def store(tx: Transaction, webhooks: Sequence[Webhook]) -> list[list[Event]]:
    """Keeps what the bytes of webhooks say; returns for each those of its events that were not known yet."""
    said = [(hook.lane, read(hook.raw, at), at) for hook in webhooks for at in [min(hook.came_at or tx.now, tx.now)]]
    rows = [_row(lane, one, at) | {"due_at": tx.now} for lane, events, at in said for one in events]
    new = tx.insert_new(event).returning(event.c.lane, event.c.identity)
    fresh = {(row.lane, row.identity) for row in tx.execute(new, rows)} if rows else set()
    return [[one for one in events if _once(fresh, (lane, one.identity))] for lane, events, _ in said]


def _once(fresh: set[tuple[str, str]], key: tuple[str, str]) -> bool:
    """Whether it is among them; only the first of several is."""
    found = key in fresh
    fresh.discard(key)
    return found


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
