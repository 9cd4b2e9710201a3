"""The order in which a transaction locks rows: messages by id, then attempts, then the halts of lanes and templates.

Two writers with different orders would deadlock. A statement that skips locked rows waits for none (see `unlocked`).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, func, select

from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction


def lock_ids(tx: Transaction, ids: Collection[str]) -> None:
    """Lock these messages until the transaction ends; SQLite has one writer and locks no rows."""
    if not tx.sqlite:
        tx.execute_each(_LOCK, {"id": "text"}, [{"id": identity} for identity in sorted(set(ids))])


def lock_messages(tx: Transaction, *which: ColumnElement[bool]) -> None:
    """Do the same for the messages that meet the conditions, before a statement that would find them in its own order.

    A message that meets them later is not locked.
    """
    if not tx.sqlite:
        found = select(message.c.id).where(*which).order_by(message.c.id).with_for_update(key_share=True)
        tx.execute(select(func.count()).select_from(found.subquery()))


# As an UPDATE locks a row that keeps its key: rows that refer to the message can be written meanwhile.
_LOCK = "SELECT 1 FROM message JOIN {each} ON message.id = each.id ORDER BY message.id FOR NO KEY UPDATE OF message"
