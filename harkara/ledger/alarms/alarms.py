"""Open, acknowledge, close and list alarms."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, select, update
from uuid_utils import uuid7

from harkara.errors import Conflict, NotFound
from harkara.goals.alarm import Alarm, AlarmState
from harkara.ledger.batch_size import MAX_ROWS
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.database import Database
from harkara.ledger.tables import alarm, message, notice
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act

OPENED: Final = "alarm.opened"
CLOSED: Final = "alarm.closed"
"""The callbacks about an alarm."""

PRODUCER: Final = "alarms"
"""The producer of the messages that carry alarms to an operator."""

KEPT: Final = timedelta(days=90)
"""How long a closed alarm stays listed."""

IS_OPEN = alarm.c.closed_at.is_(None)


def list_alarms(
    db: Database, *, open_only: bool = False, lanes: Collection[str] | None = None, limit: int = 50
) -> list[Alarm]:
    """Return alarms, the newest first: of these lanes and of the whole deployment, or of all lanes for None."""
    query = select(alarm).order_by(alarm.c.id.desc()).limit(limit)
    if open_only:
        query = query.where(IS_OPEN)
    if lanes is not None:
        query = query.where(alarm.c.lane.in_(["", *lanes]))
    with db.read() as tx:
        return [as_alarm(row) for row in tx.rows(query)]


def acknowledge(
    db: Database, identity: str, by: str, *, lanes: Collection[str] | None = None, actor: Actor | None = None
) -> Alarm:
    """Record who takes care of an open alarm; the first one stays. This is an act of `actor`.

    Raises NotFound for an unknown id and for an alarm of another lane than `lanes`, and Conflict for a closed alarm.
    """
    with db.write() as tx:
        found = tx.rows(select(alarm).where(alarm.c.id == identity).with_for_update())
        if not found or (lanes is not None and found[0]["lane"] not in ("", *lanes)):
            raise NotFound("no alarm has this id; `harkara alarms list` shows the ids")
        if found[0]["closed_at"] is not None:
            raise Conflict("the alarm is closed: its goal is met again")
        _acknowledge(tx, by, alarm.c.id == identity)
        if actor is not None:
            record_act(tx, actor, "alarm.acknowledged", as_alarm(found[0]).title)
        return as_alarm(tx.rows(select(alarm).where(alarm.c.id == identity))[0])


def acknowledge_by_answer(tx: Transaction, lane: str, names: Sequence[str], answers: str | None) -> list[str]:
    """Acknowledge the open alarms that this person was sent in a message of this lane; return their ids.

    `answers` is the id of our message that the person replied to, if known: only the alarm of that one is meant then.
    """
    waiting = tx.execute(select(alarm.c.id).where(IS_OPEN, alarm.c.acknowledged_at.is_(None))).scalars().all()
    if not waiting:
        return []
    sent = select(message.c.reference, message.c.id).where(
        message.c.reference.in_(waiting),
        message.c.lane == lane,
        message.c.producer == PRODUCER,
        message.c.recipient.in_(names),
    )
    by_reference = {row.reference: row.id for row in tx.execute(sent)}
    meant = sorted(found for found, sent_as in by_reference.items() if answers in (None, sent_as))
    if meant:
        _acknowledge(tx, "WhatsApp", alarm.c.id.in_(meant))
    return meant


def open_alarm(tx: Transaction, new: Row, receivers: Iterable[str]) -> Alarm:
    """Open an alarm with its callback, and a notice for each receiver."""
    row = {"id": f"alarm_{uuid7().hex}", "opened_at": tx.now, **new}
    tx.execute(insert(alarm), row)
    return _announce(tx, dict.fromkeys(alarm.c.keys()) | row, OPENED, receivers)


def close_alarm(tx: Transaction, row: Row, receivers: Iterable[str]) -> Alarm:
    """Close an alarm with its callback, and a notice for each receiver."""
    closed: Row = {"closed_at": tx.now}
    tx.execute(update(alarm).where(alarm.c.id == row["id"]).values(**closed))
    return _announce(tx, row | closed, CLOSED, receivers)


def delete_old_alarms(tx: Transaction) -> int:
    """Delete closed alarms after KEPT; return how many."""
    old = (alarm.c.closed_at.is_not(None), alarm.c.closed_at < tx.now - KEPT)
    ids = list(tx.execute(select(alarm.c.id).where(*old).limit(MAX_ROWS)).scalars())
    if not ids:
        return 0
    tx.execute(delete(notice).where(notice.c.alarm_id.in_(ids)))
    return tx.execute(delete(alarm).where(alarm.c.id.in_(ids))).rowcount


def as_alarm(row: Row) -> Alarm:
    """Return a row of the table `alarm` as people see it."""
    shown: dict[str, Any] = {
        name: row[name] for name in Alarm.__dataclass_fields__ if name not in ("lane", "subject", "state", "limit")
    }
    return Alarm(
        **shown, lane=row["lane"] or None, subject=row["subject"] or None, state=_state(row), limit=row["bound"]
    )


def _state(row: Row) -> AlarmState:
    if row["closed_at"]:
        return "closed"
    return "acknowledged" if row["acknowledged_at"] else "open"


def _acknowledge(tx: Transaction, by: str, which: ColumnElement[bool]) -> None:
    unseen = update(alarm).where(which, IS_OPEN, alarm.c.acknowledged_at.is_(None))
    tx.execute(unseen.values(acknowledged_at=tx.now, acknowledged_by=by[:80]))


def _announce(tx: Transaction, row: Row, event: str, receivers: Iterable[str]) -> Alarm:
    found = as_alarm(row)
    notify(tx, event, found.lane or "", found.id, dict(found))
    each = {"alarm_id": found.id, "event": event, "created_at": tx.now}
    if notices := [each | {"receiver": receiver} for receiver in receivers]:
        tx.execute(insert(notice), notices)
    return found
