"""Steps with callbacks in the outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from harkara.ledger.callbacks.notify import notify
from harkara.ledger.callbacks.outbox import ClaimedCallback, claim
from harkara.ledger.database import Database
from harkara.ledger.tables import callback
from harkara.ledger.transaction import Row

HOUR = 3600.0


def callback_rows(db: Database, *subjects: str) -> list[Row]:
    """Return the callbacks, or those about these subjects, in the order of their creation."""
    with db.read() as tx:
        query = select(callback).order_by(callback.c.created_at, callback.c.id)
        return tx.rows(query.where(callback.c.subject.in_(subjects)) if subjects else query)


def notified_states(db: Database, *message_ids: str) -> list[str]:
    """Return the states of which the callbacks about these messages inform the application, in their order."""
    return [row["kind"].removeprefix("message.") for row in callback_rows(db, *message_ids)]


def claim_callbacks(db: Database, limit: int = 50, lease_seconds: float = 60) -> list[ClaimedCallback]:
    return claim(db, limit, lease_seconds)


def payloads_of(db: Database, message_id: str) -> list[dict[str, Any]]:
    """Claim all callbacks; return the data of those about this message."""
    return [claimed.data for claimed in claim_callbacks(db) if claimed.data.get("id") == message_id]


def new_claimed_callback(db: Database) -> ClaimedCallback:
    """Write a callback and claim it."""
    with db.write() as tx:
        notify(tx, "message.received", "default", "evt_1", {"text": "On my way"})
    (claimed,) = claim_callbacks(db)
    return claimed


def age_callbacks(db: Database, seconds: float) -> None:
    """Move the times of all callbacks into the past."""
    times = ("due_at", "expires_at", "created_at", "done_at")
    with db.write() as tx:
        for row in tx.rows(select(callback)):
            past = {name: row[name] - timedelta(seconds=seconds) for name in times if row[name]}
            tx.execute(update(callback).where(callback.c.id == row["id"]).values(**past))
