"""Insert new messages into the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NotRequired, TypedDict, cast

from harkara.ledger.messages.fallback import fallback_json
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Envelope
from harkara.states import State

COPY_ROWS = 50
"""PostgreSQL gets more rows than this by COPY in a transaction, and fewer by one INSERT."""


class NewMessage(TypedDict):
    """The columns of a message that is about to be inserted."""

    id: str
    reference: str | None
    digest: str | None
    lane: str
    producer: str
    recipient: str
    kind: str
    template: str | None
    category: str
    priority: int
    quiet: bool
    weight: int
    body: str | None
    fallback: str | None
    state: str
    due_at: datetime
    planned_at: datetime
    expires_at: datetime
    lease_until: datetime | None
    created_at: datetime
    changed_at: datetime
    traceparent: str | None
    code: NotRequired[str | None]
    reason: NotRequired[str | None]
    occasion_id: NotRequired[str]
    revision: NotRequired[int]
    rule: NotRequired[str]
    campaign_id: NotRequired[str]
    position: NotRequired[int]


def message_row(envelope: Envelope, now: datetime, deadlines: Mapping[str, float]) -> NewMessage:
    """Return the row of a new message, `waiting` until its time.

    `deadlines` gives, by category, the seconds after which a message without `expires` is no longer worth sending.
    """
    due = max(envelope.at or now, now)
    expires = envelope.expires or _default_deadline(envelope, now, due, deadlines)
    body, fallback = envelope.body_json(), fallback_json(envelope)
    return {
        "id": envelope.id,
        "reference": envelope.reference,
        "digest": _digest(body, fallback),
        "lane": envelope.lane,
        "producer": envelope.producer,
        "recipient": envelope.to,
        "kind": envelope.kind,
        "template": envelope.template,
        "category": envelope.category,
        "priority": envelope.priority,
        "quiet": envelope.quiet,
        "weight": len(envelope.messages),
        "body": body,
        "fallback": fallback,
        "state": State.WAITING.value,
        "due_at": due,
        "planned_at": due,
        "expires_at": expires,
        "lease_until": None,
        "created_at": now,
        "changed_at": now,
        "traceparent": envelope.traceparent,
    }


def content_digest(envelope: Envelope) -> str:
    """Return the digest by which the ledger recognizes the same recipient and content."""
    return _digest(envelope.body_json(), fallback_json(envelope))


def _default_deadline(envelope: Envelope, now: datetime, due: datetime, deadlines: Mapping[str, float]) -> datetime:
    if envelope.valid_for is not None:
        return (envelope.at or now) + envelope.valid_for
    return due + timedelta(seconds=deadlines[envelope.category])


def insert_messages(tx: Transaction, rows: Sequence[NewMessage]) -> set[str]:
    """Insert the rows that do not exist yet; return their ids. All rows must have the same columns."""
    if not rows:
        return set()
    plain = cast(list[Row], in_order_of_locks(rows))
    if tx.sqlite:
        return tx.insert_each(message, plain)
    if len(plain) > COPY_ROWS and tx.can_copy:
        return tx.copy_new(message, plain)
    return set(tx.execute(tx.insert_new(message).returning(message.c.id), plain).scalars())


def in_order_of_locks(rows: Sequence[NewMessage]) -> list[NewMessage]:
    """Sort the rows: two transactions that insert the same references in different orders would deadlock."""
    return sorted(rows, key=lambda row: (row["lane"], row["reference"] or "", row["id"]))


def _digest(body: str, fallback: str | None) -> str:
    return blake2b((body + (fallback or "")).encode(), digest_size=16).hexdigest()
