"""Read the W3C Trace Contexts of messages, for the spans of a round that knows their ids alone."""

from __future__ import annotations

from collections.abc import Collection
from time import monotonic
from typing import NamedTuple

from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.tables import message


class TracedMessage(NamedTuple):
    """A message with the context of its hand-over, None for one that has none.

    `made_at` is the moment of `time.monotonic()` at which a campaign or the rule of a reminder made it; None for other
    messages, and once it was claimed.
    """

    id: str
    lane: str
    category: str
    traceparent: str | None
    campaign_id: str | None = None
    rule: str | None = None
    made_at: float | None = None


def load_traced(db: Database, ids: Collection[str], *, without_context: bool) -> list[TracedMessage]:
    """Return these messages, those without a context too if they are wanted. Raises Unavailable."""
    columns = "id lane category traceparent campaign_id rule claims created_at".split()
    query = select(*(message.c[name] for name in columns)).where(message.c.id.in_(ids))
    if not without_context:
        query = query.where(message.c.traceparent.is_not(None))
    found = []
    with db.read() as tx:
        for *known, claims, created_at in tx.execute(query):
            one = TracedMessage(*known)
            is_new = claims == 0 and (one.campaign_id or one.rule)
            age = (tx.now - created_at).total_seconds()
            found.append(one._replace(made_at=monotonic() - age) if is_new else one)
    return found
