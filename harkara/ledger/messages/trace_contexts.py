"""Read the W3C Trace Contexts of messages, for the spans of a round that knows their ids alone."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.tables import message


class TracedMessage(NamedTuple):
    """A message with the context of its hand-over, None for one that has none."""

    id: str
    lane: str
    category: str
    traceparent: str | None


def load_traced(db: Database, ids: Collection[str], *, without_context: bool) -> list[TracedMessage]:
    """Return these messages, those without a context too if they are wanted. Raises Unavailable."""
    query = select(*(message.c[name] for name in TracedMessage._fields)).where(message.c.id.in_(ids))
    if not without_context:
        query = query.where(message.c.traceparent.is_not(None))
    with db.read() as tx:
        return tx.load(TracedMessage, query)
