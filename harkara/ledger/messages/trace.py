"""Trace: the history of a message, one line for each change of its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Select, update

from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.callbacks.notify import StateChange, notify_states
from harkara.ledger.locked_batch import lock_batch
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State


class TracedChange(NamedTuple):
    """A message that was just changed: its new state, and why."""

    id: str
    state: str
    code: str | None
    reason: str | None


_COLUMNS = dict.fromkeys(TracedChange._fields, "text")
_INSERT = """
INSERT INTO trace (message_id, at, event, code, detail)
SELECT each.id, :now, each.state, each.code, each.reason FROM {each}
"""

CHANGED = (message.c.id, message.c.state, message.c.code, message.c.reason)
"""The columns of a `TracedChange`, for RETURNING."""


def change_state(
    tx: Transaction, to: State | ColumnElement[str], which: Select[tuple[str]], values: Row, *, traced: bool = True
) -> int:
    """Move up to MAX_ROWS of the selected messages to a state; return how many. Locked rows are skipped.

    Each gets a line in its trace and its callback, unless `traced` is off.
    """
    changes = tx.load(
        TracedChange,
        update(message)
        .where(message.c.id.in_(lock_batch(which.limit(MAX_ROWS))))
        .values(state=to, changed_at=tx.now, **values)
        .returning(*CHANGED),
    )
    if traced:
        add_traces(tx, changes)
    return len(changes)


def add_trace(tx: Transaction, identity: str, event: str, code: str | None, detail: str | None) -> None:
    """Add one line to the trace of a message, and its callback if the application is notified of this state."""
    add_traces(tx, [TracedChange(identity, event, code, detail)])


def add_traces(tx: Transaction, changes: Sequence[TracedChange]) -> None:
    """Add a line to the trace of each message, and its callback if the application is notified of this state."""
    add_lines(tx, changes)
    notify_states(tx, [StateChange(each.id, each.state) for each in changes])


def add_lines(tx: Transaction, changes: Sequence[TracedChange]) -> None:
    """Add a line to the trace of each message, without a callback: one statement, since many may change together."""
    if changes:
        lines = [each._asdict() | {"reason": _cut(each.reason)} for each in changes]
        tx.execute_each(_INSERT, _COLUMNS, lines, now=tx.now)


def _cut(detail: str | None) -> str:
    return (detail or "")[:1000]
