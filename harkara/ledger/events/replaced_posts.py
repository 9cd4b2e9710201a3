"""POSTs that a fallback has replaced: WhatsApp failed them, and later events about them are not the fallback's."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import func, select, tuple_, update

from harkara.ledger.conditions import ARRIVED
from harkara.ledger.tables import attempt, message, replaced_post
from harkara.ledger.transaction import Transaction
from harkara.playbook import WINDOW_CLOSED

MatchKey = tuple[str, str, str]
"""A lane, the kind of a value by which messages are found, and the value."""

_KEY = (replaced_post.c.lane, replaced_post.c.kind, replaced_post.c.value)


def load_replaced_posts(tx: Transaction, keys: Collection[MatchKey]) -> dict[MatchKey, str]:
    """Return, for those of these keys that name a replaced POST, the id of its message."""
    if not keys:
        return {}
    rows = tx.execute(select(*_KEY, replaced_post.c.message_id).where(tuple_(*_KEY).in_(sorted(keys))))
    return {(lane, kind, value): message_id for lane, kind, value, message_id in rows}


def replace_posts(tx: Transaction, message_id: str, keys: Iterable[MatchKey]) -> None:
    """Close the POST of this message as replaced, under the names that events have for it."""
    of_message = (attempt.c.message_id == message_id, ARRIVED)
    tx.execute(update(attempt).where(*of_message).values(outcome="replaced", code=WINDOW_CLOSED))
    names = [{"lane": lane, "kind": kind, "value": value, "message_id": message_id} for lane, kind, value in keys]
    if names:
        tx.execute(tx.insert_new(replaced_post), names)


def restore_posts(tx: Transaction, message_ids: Sequence[str]) -> None:
    """Count the replaced POSTs of these messages as accepted: one of the customer's devices got them after all.

    A message whose fallback was POSTed too is flagged as a possible duplicate.
    """
    if not message_ids:
        return
    of_messages = (attempt.c.message_id.in_(message_ids), attempt.c.outcome == "replaced")
    tx.execute(update(attempt).where(*of_messages).values(outcome="accepted", code=None))
    posts = select(func.count()).where(attempt.c.message_id == message.c.id, ARRIVED)
    duplicated = (message.c.id.in_(message_ids), posts.correlate(message).scalar_subquery() > 1)
    tx.execute(update(message).where(*duplicated).values(maybe_duplicate=True))
