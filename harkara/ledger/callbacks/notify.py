"""Callbacks: what the application is to be told, kept in the same transaction as the change that it tells of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import insert
from uuid_utils import uuid7

from harkara.ledger.database import Row, Transaction
from harkara.ledger.messages.queries import summary
from harkara.ledger.tables import callback, message
from harkara.states import DONE, State

TOLD = DONE | {State.UNCERTAIN}
"""The states of a message that the application hears of; on its way to them it would only hear noise."""

DAY = timedelta(days=1)
"""So long it is tried to tell something."""


def tell(tx: Transaction, kind: str, lane: str, subject: str, data: dict[str, Any]) -> None:
    """Tells the application something about `subject`, an id. Does nothing in a ledger that tells nobody."""
    if tx.tells:
        new = {"id": _identity(), "kind": kind, "lane": lane, "subject": subject, "data": json.dumps(data)}
        times = {"due_at": tx.now, "created_at": tx.now, "expires_at": tx.now + DAY}
        tx.execute(insert(callback), new | times | {"state": "waiting"})


def tell_states(tx: Transaction, rows: Sequence[Row]) -> None:
    """Tells of messages that were just moved: each row has its `id` and its new `state`.

    One statement for all of them, since it stands in the hot path; none in a ledger that tells nobody.
    """
    if not tx.tells:
        return
    told = [{"id": row["id"], "callback": _identity()} for row in rows if row["state"] in TOLD]
    if told:
        columns = {"id": "text", "callback": "text"}
        tx.execute_each(_tell(tx.sqlite), columns, told, now=tx.now, until=tx.now + DAY)


def data_of(kind: str, kept: str) -> dict[str, Any]:
    """The `data` of a callback as the application gets it, from what is kept of it."""
    data: dict[str, Any] = json.loads(kept)
    return _state(data) if kind in _STATES else data


_STATES = {f"message.{state}" for state in TOLD}
_TIMES = ("created_at", "due_at", "expires_at", "changed_at")
_KEPT = (
    *("id", "state", "code", "reason", "maybe_duplicate", "reference", "lane", "kind", "template", "category"),
    *("job_id", "campaign_id", "tries", "rule", *_TIMES),
)
"""Neither number nor text is among them."""


def _identity() -> str:
    return f"msg_{uuid7().hex}"


@cache
def _tell(sqlite: bool) -> str:
    """A copy of each message as it is now; it may have moved on when the application takes it."""
    kept = ", ".join(f"'{name}', message.{name}" for name in _KEPT)
    return f"""
INSERT INTO callback (id, lane, kind, subject, data, state, due_at, expires_at, created_at)
SELECT each.callback, message.lane, 'message.' || message.state, message.id,
    {"json_object" if sqlite else "json_build_object"}(
        {kept}, 'occasion_kind', occasion.kind, 'occasion_reference', occasion.reference
    ),
    'waiting', :now, :until, :now
FROM {{each}} JOIN message ON message.id = each.id LEFT JOIN occasion ON occasion.id = message.occasion_id
"""


def _state(kept: dict[str, Any]) -> dict[str, Any]:
    """A message as everybody sees it, and the occasion if it is a reminder."""
    # Both databases keep UTC, but SQLite does not say so.
    times = {name: datetime.fromisoformat(kept[name]).replace(tzinfo=UTC) for name in _TIMES}
    # What a release before this one did not keep is not known.
    told = dict(summary(dict.fromkeys(message.c.keys()) | kept | times))
    if kept["rule"] is None:
        return told
    of = {"kind": kept["occasion_kind"], "reference": kept["occasion_reference"], "rule": kept["rule"]}
    return told | {"occasion": of}
