"""Store the events of a webhook, each once however often it arrives, and delete old ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import delete, select

from harkara.inbound.events import (
    Event,
    MessageReceived,
    NumberChanged,
    PreferenceChanged,
    StatusChanged,
    UnknownEvent,
)
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import RECEIVED, EventState
from harkara.ledger.tables import event
from harkara.ledger.transaction import Row, Transaction

MAX_DELETED = 500
"""Rows that one transaction deletes."""

MIN_RETENTION = timedelta(days=1)
"""How long a repeat is recognized at least: Chat Mitra does not document for how long it retries."""

Parse = Callable[[bytes, datetime], list[Event]]
"""Returns the events in the body of a webhook that was received at this time, at least one."""


@dataclass(frozen=True, slots=True)
class RawWebhook:
    """A webhook as it arrived, byte by byte; `arrived_at` is `time.monotonic()` of this process, None for now."""

    lane: str
    body: bytes = field(repr=False)
    arrived_at: float | None = None


_COLUMNS = dict.fromkeys(("lane", "identity", "about", "body", "state", "webhook_digest"), "text") | dict.fromkeys(
    ("at", "received_at", "due_at"), "timestamptz"
)
_NAMES = ", ".join(_COLUMNS)
_INSERT = f"""
INSERT INTO event ({_NAMES}) SELECT {_NAMES} FROM {{each}} WHERE true
ON CONFLICT DO NOTHING RETURNING lane, identity
"""


def store_webhooks(db: Database, webhooks: Sequence[RawWebhook], parse: Parse) -> list[list[Event]]:
    """Store the events of these webhooks; return for each webhook its events that were not stored before.

    Raises Unavailable if it stored none of them.
    """
    now = db.now()
    parsed: list[tuple[str, list[Event]]] = []
    rows: list[Row] = []
    for webhook in webhooks:
        received_at = now if webhook.arrived_at is None else db.time_of(webhook.arrived_at)
        events = parse(webhook.body, received_at)
        parsed.append((webhook.lane, events))
        same = {"due_at": now, "webhook_digest": sha256(webhook.body).hexdigest()}
        rows += [_row(webhook.lane, one, received_at) | same for one in events]
    new = set(db.execute_each(_INSERT, _COLUMNS, rows)) if rows else set()
    return [[one for one in events if _first(new, (lane, one.identity))] for lane, events in parsed]


def delete_old_events(tx: Transaction, retention_seconds: float | None) -> int:
    """Delete events that are past their retention; return how many. None deletes nothing.

    Only the oldest rows by id are examined, so that no index on the time is needed. An event that is still new stays:
    after a long absence of the workers it may be an opt-out.
    """
    if retention_seconds is None:
        return 0
    past = tx.now - max(timedelta(seconds=retention_seconds), MIN_RETENTION)
    oldest = select(event.c.id).order_by(event.c.id).limit(MAX_DELETED)
    over = (event.c.received_at <= past, event.c.state != EventState.NEW.value)
    return tx.execute(delete(event).where(event.c.id.in_(oldest), *over)).rowcount


def _first(new: set[tuple[str, str]], key: tuple[str, str]) -> bool:
    """Whether the key is among the new ones; only the first of several equal keys is."""
    found = key in new
    new.discard(key)
    return found


def _row(lane: str, one: Event, received_at: datetime) -> Row:
    state = EventState.UNKNOWN if isinstance(one, UnknownEvent) else EventState.NEW
    return {
        "lane": lane,
        "identity": one.identity,
        "about": name_of(one),
        # PostgreSQL refuses NUL, which only a body that is not JSON can contain.
        "body": one.body.decode("utf-8", "replace").replace("\0", "\ufffd"),
        "state": state.value,
        "at": one.at,
        "received_at": received_at,
    }


def name_of(one: Event) -> str:
    """Return the value of `about` for this event."""
    match one:
        case StatusChanged():
            return one.status
        case MessageReceived() | NumberChanged() | PreferenceChanged():
            return RECEIVED
        case UnknownEvent():
            return one.about
