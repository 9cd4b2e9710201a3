"""Write callbacks: what the application must learn, in the transaction of the change itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import insert
from uuid_utils import uuid7

from harkara.ledger.messages.summary import COLUMNS, summary
from harkara.ledger.tables import callback, message
from harkara.ledger.transaction import Transaction, from_sql
from harkara.message_status import ReminderOf
from harkara.states import DONE, State

NOTIFIED = DONE | {State.UNCERTAIN}
"""The states of a message that cause a callback; the steps between them would be noise to the application."""

LIFETIME = timedelta(days=1)
"""How long a callback is tried before it is dead."""


class StateChange(NamedTuple):
    """A message that this transaction has moved to a new state."""

    message_id: str
    state: str


def notify(tx: Transaction, kind: str, lane: str, subject: str, data: dict[str, Any]) -> None:
    """Write one callback about `subject`, an id. Does nothing in a database without `callbacks_enabled`."""
    if tx.callbacks_enabled:
        new = {"id": _new_id(), "kind": kind, "lane": lane, "subject": subject, "data": json.dumps(data)}
        times = {"due_at": tx.now, "created_at": tx.now, "expires_at": tx.now + LIFETIME}
        tx.execute(insert(callback), new | times | {"state": "waiting"})


def notify_states(tx: Transaction, changes: Iterable[StateChange]) -> None:
    """Write a callback for each message whose new state is in NOTIFIED.

    This is on the hot path: one statement for all of them, and none in a database without `callbacks_enabled`.
    """
    if not tx.callbacks_enabled:
        return
    new = [{"id": change.message_id, "callback": _new_id()} for change in changes if change.state in NOTIFIED]
    if new:
        columns = {"id": "text", "callback": "text"}
        tx.execute_each(_insert_states(tx.sqlite), columns, new, now=tx.now, until=tx.now + LIFETIME)


class Payload(NamedTuple):
    """The `data` of a callback as the application gets it, and the W3C Trace Context of the message it is about."""

    data: dict[str, Any]
    traceparent: str | None


def payload(kind: str, stored: str) -> Payload:
    """Return what the application gets, from the JSON that the ledger stores."""
    data: dict[str, Any] = json.loads(stored)
    if kind not in _STATE_KINDS:
        return Payload(data, None)
    return Payload(_message_data(data), data.get("traceparent"))


_STATE_KINDS = {f"message.{state}" for state in NOTIFIED}
_TIMES = tuple(column for column in COLUMNS.values() if column.endswith("_at"))
_STORED = (*COLUMNS.values(), "maybe_duplicate", "rule", "traceparent")
"""Neither number nor text is among these columns of a message."""


def _new_id() -> str:
    return f"msg_{uuid7().hex}"


@cache
def _insert_states(sqlite: bool) -> str:
    """Return the statement that copies each message as it is now; it may have moved on before the delivery."""
    stored = ", ".join(f"'{name}', message.{name}" for name in _STORED)
    return f"""
INSERT INTO callback (id, lane, kind, subject, data, state, due_at, expires_at, created_at)
SELECT each.callback, message.lane, 'message.' || message.state, message.id,
    {"json_object" if sqlite else "json_build_object"}(
        {stored}, 'occasion_kind', occasion.kind, 'occasion_reference', occasion.reference
    ),
    'waiting', :now, :until, :now
FROM {{each}} JOIN message ON message.id = each.id LEFT JOIN occasion ON occasion.id = message.occasion_id
"""


def _message_data(stored: dict[str, Any]) -> dict[str, Any]:
    """Return a message as `harkara status` shows it, with the occasion if it is a reminder."""
    times = {name: from_sql(stored[name]) for name in _TIMES}
    # A callback that an older release wrote may lack columns.
    data = dict(summary(dict.fromkeys(message.c.keys()) | stored | times))
    if stored["rule"] is None:
        return data
    occasion = ReminderOf(kind=stored["occasion_kind"], reference=stored["occasion_reference"], rule=stored["rule"])
    return data | {"occasion": dict(occasion)}
