"""Insert new messages into the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import NotRequired, TypedDict, cast

from harkara.ledger.messages.fallback import fallback_json
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Envelope
from harkara.states import State

OWN = dict.fromkeys("id reference digest recipient body fallback".split(), "text") | {"position": "integer"}
"""The columns in which each message has a value of its own, with their types."""

COMMON = (
    dict.fromkeys("lane producer kind template category state code reason traceparent".split(), "text")
    | dict.fromkeys("occasion_id rule campaign_id talk_person".split(), "text")
    | dict.fromkeys("priority weight revision talk_revision".split(), "integer")
    | {"quiet": "boolean"}
    | dict.fromkeys("due_at planned_at expires_at lease_until created_at changed_at".split(), "timestamptz")
)
"""The columns that most messages of a bulk have in common, with their types."""


_WAITING = State.WAITING.value


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
        "state": _WAITING,
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
    common, own = ({name: kind for name, kind in columns.items() if name in rows[0]} for columns in (COMMON, OWN))
    plain = cast(list[Row], in_order_of_locks(rows))
    return {identity for (identity,) in tx.execute_runs(_insert((*common, *own)), common, own, plain)}


@cache
def _insert(columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    # SQLite would take ON CONFLICT for a join without the condition.
    return f"INSERT INTO message ({names}) SELECT {names} FROM {{each}} WHERE true ON CONFLICT DO NOTHING RETURNING id"


def in_order_of_locks(rows: Sequence[NewMessage]) -> list[NewMessage]:
    """Sort the rows: two transactions that insert the same references in different orders would deadlock."""
    return sorted(rows, key=lambda row: (row["lane"], row["reference"] or "", row["id"]))


def _digest(body: str, fallback: str | None) -> str:
    return blake2b((body + (fallback or "")).encode(), digest_size=16).hexdigest()
