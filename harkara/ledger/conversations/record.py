"""Record that someone wrote in a conversation: the customer, or a person of the business."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from harkara.ledger.tables import conversation
from harkara.ledger.transaction import Transaction


def record_words(
    tx: Transaction, lane: str, person: str, at: datetime, *, unread: bool = True, name: str | None = None
) -> None:
    """Record a customer's message, in the transaction that applies it. `name` is what WhatsApp shows of the person."""
    _write(tx, lane, person, at, unread=int(unread), name=name)


def record_reply(tx: Transaction, lane: str, person: str, at: datetime | None = None) -> None:
    """Record that a person of the business answers now, or did `at` a moment: what was said until then is read."""
    _write(tx, lane, person, at or tx.now, read=True)


def raise_revisions(tx: Transaction, lane: str, people: Collection[str]) -> None:
    """Raise the revision of the conversations with these people, since their choices or names have changed.

    The transaction holds the lock of the lane's people.
    """
    if people:
        rows = [{"lane": lane, "person": person} for person in people]
        tx.execute_each(_RAISE, {"lane": "text", "person": "text"}, rows)


_RAISE = """
UPDATE conversation SET revision = conversation.revision + 1 FROM {each}
WHERE conversation.lane = each.lane AND conversation.person = each.person
"""


def merge_conversations(tx: Transaction, lane: str, people: Collection[str], person: str) -> None:
    """Give the conversations with these people to one person: they are the same. Its revision is the sum of theirs."""
    of_people = (conversation.c.lane == lane, conversation.c.person.in_(people))
    for row in tx.rows(select(conversation).where(*of_people).order_by(conversation.c.person)):
        _write(tx, lane, person, row["last_at"], unread=row["unread"], name=row["name"], revisions=row["revision"])
    tx.execute(delete(conversation).where(*of_people))


def _write(
    tx: Transaction,
    lane: str,
    person: str,
    at: datetime,
    *,
    unread: int = 0,
    read: bool = False,
    name: str | None = None,
    revisions: int = 1,
) -> None:
    """Add to the row of a conversation, in one statement."""
    insert: Any = (sqlite if tx.sqlite else postgresql).insert(conversation)
    new, old = insert.excluded, conversation.c
    latest = func.max(old.last_at, new.last_at) if tx.sqlite else func.greatest(old.last_at, new.last_at)
    changed = {
        "last_at": latest,
        "unread": case((new.last_at >= old.last_at, 0), else_=old.unread) if read else old.unread + new.unread,
        "revision": old.revision + new.revision,
        "name": func.coalesce(new.name, old.name),
    }
    values = {
        "lane": lane,
        "person": person,
        "last_at": at,
        "unread": unread,
        "revision": revisions,
        "name": name[:60] if name else None,
    }
    tx.execute(insert.on_conflict_do_update(index_elements=["lane", "person"], set_=changed), values)
