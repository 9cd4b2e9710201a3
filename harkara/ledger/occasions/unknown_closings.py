"""Closings of occasions that the ledger does not know: a retried dead letter must not open such an occasion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from harkara.errors import Conflict
from harkara.inbound.normalization import digest
from harkara.ledger.applied_entries import MEMORY
from harkara.ledger.database import Database
from harkara.ledger.tables import applied_entry
from harkara.occasions import OccasionKey

# They have the shape of every position, so that all collations of PostgreSQL order them alike.
_FIRST, _LAST = (f"{digit * 20}-{digit * 20}" for digit in "09")


def remember_closings(db: Database, closings: Sequence[tuple[OccasionKey, str]]) -> None:
    """Remember for MEMORY that these occasions are closed, each since a position in the intake. Raises Unavailable."""
    with db.write() as tx:
        names = sorted({_name(key, position) for key, position in closings})
        tx.execute(tx.insert_new(applied_entry), [{"id": name, "at": tx.now} for name in names])


def require_open(db: Database, key: OccasionKey, saved_at: datetime, position: str | None) -> None:
    """Raise Conflict if a closing was remembered since the occasion's save, or could be forgotten meanwhile.

    A save with a position in the intake is compared by it, any other by the ledger's time. Raises Unavailable.
    """
    with db.read() as tx:
        later = [applied_entry.c.id > _name(key, position or _FIRST), applied_entry.c.id < _name(key, _LAST)]
        if position is None:
            later.append(applied_entry.c.at >= saved_at)
        closed = tx.execute(select(applied_entry.c.id).where(*later).limit(1)).first() is not None
        old = saved_at <= tx.now - MEMORY
    if closed:
        raise Conflict("the application closed this occasion after it had saved it: delete the letter")
    if old:
        raise Conflict(
            f"the save is older than {MEMORY.days} days, and the occasion may be closed since: "
            "delete the letter, and let the application save the occasion again"
        )


def _name(key: OccasionKey, position: str) -> str:
    return f"closing {digest(*key)} {position}"
