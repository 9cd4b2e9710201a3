"""When the assistant's turn in a conversation is due, and which worker thinks about it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, or_, select, text, tuple_, update
from uuid_utils import uuid7

from harkara.assistant.rules import AssistantRules
from harkara.ledger.assistant_switch import is_off, is_on
from harkara.ledger.database import Database
from harkara.ledger.tables import conversation
from harkara.ledger.transaction import Row, Transaction

_DUE = text("conversation.turn_due_at IS NOT NULL")  # as in the index


class ClaimedTurn(NamedTuple):
    """A conversation that is leased to one worker, which thinks about what was said until `revision`.

    `epoch` is a fencing token: after a later claim, nothing that this claim writes has an effect. `turn_id` is the key
    of the one turn that it writes.
    """

    turn_id: str
    lane: str
    person: str
    revision: int
    epoch: int
    topic_at: datetime | None
    greeted: bool
    mode_cause: str | None = None


def schedule_turn(
    tx: Transaction, row: Row, number: str | None, rules: AssistantRules, received_at: datetime | None = None
) -> None:
    """Let the assistant answer what a customer has just written, if it answers this person; `row` is the conversation.

    It waits for more: `debounce` after the last message, and `debounce_limit` after the first at most. The wait begins
    when the message was received; at least half of it is left, since after an outage the rest of a burst is applied
    right after its first message.
    """
    if row["mode"] != "assistant" or not rules.answers(row["lane"], row["person"], number):
        return
    if is_off(tx):
        return
    since = max(received_at or tx.now, tx.now - rules.debounce / 2)
    began = row["burst_at"] or since
    due = min(since + rules.debounce, began + rules.debounce_limit)
    _set_due(tx, row, due, began)


def skip_turn(tx: Transaction, row: Row) -> None:
    """Let the assistant be silent, whatever was said before: the person refuses all messages."""
    if row["turn_due_at"] is not None:
        _set_due(tx, row, None, None)


def resume_turn(
    tx: Transaction,
    row: Row,
    number: str | None,
    rules: AssistantRules,
    dropped: bool,
    received_at: datetime | None = None,
) -> None:
    """Let the assistant answer what was said before words that need no answer, such as the Confirm of a reminder.

    A turn that waits goes on to wait. `dropped` says that an answer was dropped because of these words.
    """
    if dropped and row["turn_due_at"] is None:
        schedule_turn(tx, row, number, rules, received_at)


def _set_due(tx: Transaction, row: Row, due: datetime | None, began: datetime | None) -> None:
    of_person = (conversation.c.lane == row["lane"], conversation.c.person == row["person"])
    tx.execute(update(conversation).where(*of_person).values(turn_due_at=due, burst_at=began))


def seconds_until_turn(db: Database) -> float | None:
    """Return the seconds until the next turn that no worker holds is due, None without one. Raises Unavailable."""
    with db.read() as tx:
        free = or_(conversation.c.lease_until.is_(None), conversation.c.lease_until <= tx.now)
        due = tx.execute(select(func.min(conversation.c.turn_due_at)).where(_DUE, free)).scalar()
        return None if due is None else (due - tx.now).total_seconds()


def claim_turns(db: Database, limit: int, lease_seconds: float) -> list[ClaimedTurn]:
    """Lease up to `limit` conversations whose turn is due, the earliest first; none while the assistant is off.

    Raises Unavailable.
    """
    key = (conversation.c.lane, conversation.c.person)
    with db.write() as tx:
        free = or_(conversation.c.lease_until.is_(None), conversation.c.lease_until <= tx.now)
        due = select(*key).where(_DUE, conversation.c.turn_due_at <= tx.now, free, is_on())
        locked = due.order_by(conversation.c.turn_due_at).limit(limit).with_for_update(skip_locked=True)
        ids = [tuple(row) for row in tx.execute(locked)]
        if not ids:
            return []
        leased: Row = {
            "epoch": conversation.c.epoch + 1,
            "lease_until": tx.now + timedelta(seconds=lease_seconds),
        }
        columns = (conversation.c[name] for name in ClaimedTurn._fields if name != "turn_id")
        rows = tx.rows(update(conversation).where(tuple_(*key).in_(ids)).values(**leased).returning(*columns))
        return [ClaimedTurn(turn_id=f"turn_{uuid7().hex}", **row) for row in rows]
