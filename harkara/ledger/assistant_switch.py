"""The switch of the assistant: off, it answers in no lane and no worker, until someone switches it on again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, select, update

from harkara.ledger.database import Database
from harkara.ledger.halts import MODEL
from harkara.ledger.tables import conversation, halt
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act

OFF: Final = "off"
"""The subject of the halt that is the switch: a row, so that a restart changes nothing."""

_MINE = (halt.c.lane == "", halt.c.scope == MODEL, halt.c.subject == OFF)


def switch_assistant_off(db: Database, *, by: Actor) -> bool:
    """Let the assistant answer no more, at once and in every worker; return False if it was off.

    What it is about to say is not sent, and what customers write until it is on again gets no turn. Raises Unavailable.
    """
    with db.write() as tx:
        row = {
            "lane": "",
            "scope": MODEL,
            "subject": OFF,
            "code": "operator",
            "reason": "",
            "since": tx.now,
            "times": 0,
        }
        if not tx.execute(tx.insert_new(halt).returning(halt.c.scope), row).first():
            return False
        _forget_turns(tx)
        record_act(tx, by, "assistant.switched-off")
        return True


def switch_assistant_on(db: Database, *, by: Actor) -> bool:
    """Let the assistant answer what customers write from now on; return False if it was on. Raises Unavailable."""
    with db.write() as tx:
        if not tx.execute(delete(halt).where(*_MINE)).rowcount:
            return False
        _forget_turns(tx)  # of a message that was applied while the switch changed
        record_act(tx, by, "assistant.switched-on")
        return True


def off_since(db: Database) -> datetime | None:
    """Return when the assistant was switched off, None while it is on. Raises Unavailable."""
    with db.read() as tx:
        since: datetime | None = tx.execute(select(halt.c.since).where(*_MINE)).scalar()
        return since


def is_off(tx: Transaction) -> bool:
    return tx.execute(select(halt.c.since).where(*_MINE)).first() is not None


def is_on() -> ColumnElement[bool]:
    """Return the condition, for a statement that writes only while the assistant is on."""
    return ~exists().where(*_MINE)


def _forget_turns(tx: Transaction) -> None:
    forgotten: Row = {"turn_due_at": None, "burst_at": None}
    tx.execute(update(conversation).where(conversation.c.turn_due_at.is_not(None)).values(**forgotten))
