"""Entries that were applied: recognizes the repeat of an entry that changes something each time it is applied."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.tables import applied_entry
from harkara.ledger.transaction import Transaction

MEMORY = timedelta(days=30)
"""How long a repeat is recognized. A queue repeats within hours; an old copy of Redis' disk is rarely older."""


def mark_applied(tx: Transaction, entry: str) -> bool:
    """Mark the entry as applied in the transaction that applies it; return False if it was applied before.

    `entry` is its source and its id there. A transaction that applies the same entry at this moment is awaited.
    """
    new = tx.insert_new(applied_entry).returning(applied_entry.c.id)
    return tx.execute(new, {"id": entry[:120], "at": tx.now}).first() is not None


def delete_old_entries(tx: Transaction) -> int:
    """Delete the entries whose repeats are no longer expected; return how many."""
    old = select(applied_entry.c.id).where(applied_entry.c.at <= tx.now - MEMORY).limit(MAX_ROWS)
    return tx.execute(delete(applied_entry).where(applied_entry.c.id.in_(old))).rowcount
