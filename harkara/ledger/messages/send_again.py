"""Send failed messages again, each as one new message with the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, insert, literal, select
from uuid_utils import uuid7

from harkara.ledger.conditions import in_state
from harkara.ledger.messages.insert_rows import insert_messages
from harkara.ledger.tables import message, trace
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

PREFIX = "again-"
"""A new message has this and the id of the failed one as its reference, so it exists at most once."""

_again = message.alias("again")
REPEATABLE = and_(
    in_state(State.FAILED),
    message.c.body.is_not(None),
    message.c.recipient.is_not(None),
    message.c.occasion_id.is_(None),  # the rules of the occasion decide about its reminders
    message.c.category != "authentication",
    ~exists().where(_again.c.lane == message.c.lane, _again.c.reference == literal(PREFIX).concat(message.c.id)),
)
"""Failed messages that can be sent again and have not been."""

_SAME = (
    *("digest", "lane", "producer", "recipient", "kind", "template", "category", "priority", "quiet", "weight"),
    *("body", "traceparent"),
)


def send_again(tx: Transaction, ids: Sequence[str], by: str, deadlines: Mapping[str, float]) -> list[str]:
    """Send each of these failed messages again as a new one, if that is possible; return the ids of the new ones.

    `deadlines` gives the seconds until a new message expires, by category.
    """
    failed = tx.rows(select(message).where(message.c.id.in_(list(ids)), REPEATABLE)) if ids else []
    new = {row["id"]: _new(row, tx.now, deadlines) for row in failed}
    stored = insert_messages(tx, list(new.values()))
    lines = [
        {"message_id": old, "at": tx.now, "event": "resent", "code": None, "detail": f"as {row['id']} by {by}"}
        for old, row in new.items()
        if row["id"] in stored
    ]
    if lines:
        tx.execute(insert(trace), lines)
    return sorted(stored)


def _new(row: Row, now: datetime, deadlines: Mapping[str, float]) -> Any:
    times = dict.fromkeys(("due_at", "planned_at", "created_at", "changed_at"), now)
    return (
        {name: row[name] for name in _SAME}
        | times
        | {
            "id": f"job_{uuid7().hex}",
            "reference": f"{PREFIX}{row['id']}",
            "fallback": None,
            "state": State.WAITING.value,
            "expires_at": now + timedelta(seconds=deadlines[row["category"]]),
            "lease_until": None,
        }
    )
