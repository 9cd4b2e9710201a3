"""Messages of customers that a release without conversations has applied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, text, update

from harkara.inbound.events import Event, MessageReceived
from harkara.inbound.window import LENGTH
from harkara.ledger.contacts.people import join
from harkara.ledger.conversations.record import record_words
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import StoredEvent, select_events
from harkara.ledger.tables import event
from harkara.ledger.tables.events import UNLISTED
from harkara.ledger.transaction import Transaction

MAX_EVENTS = 200
"""Events that one call reads. Their transactions are short: one for each lane."""


def list_unlisted(db: Database, parse: Callable[[bytes, datetime], Sequence[Event]], limit: int = MAX_EVENTS) -> int:
    """Add the newest such messages to their conversations; return how many events were read.

    Before an upgrade all messages are such, and during it those that a worker of the release before applies. One that
    can still be answered counts as unread. Any number of processes may call this at once. Raises Unavailable.
    """
    with db.read() as tx:
        found = tx.load(StoredEvent, _unlisted().limit(limit))
    for lane in sorted({each.lane for each in found}):
        with db.write() as tx:
            ids = [each.id for each in found if each.lane == lane]
            locked = _unlisted().where(event.c.id.in_(ids)).with_for_update(skip_locked=True)
            _list(tx, lane, tx.load(StoredEvent, locked), parse)
    return len(found)


def _unlisted() -> Select[Any]:
    return select_events().where(text(UNLISTED)).order_by(event.c.id.desc())


def _list(
    tx: Transaction, lane: str, rows: Sequence[StoredEvent], parse: Callable[[bytes, datetime], Sequence[Event]]
) -> None:
    received = [(row, _received(row, parse)) for row in rows]
    messages = [one for _, one in received if one]
    people = {name: person.id for person in join(tx, lane, [one.names for one in messages]) for name in person.names}
    for row, one in received:
        sender = one.sender if one else ""
        tx.execute(update(event).where(event.c.id == row.id).values(sender=sender))
        if one:
            at = min(one.at, tx.now)
            record_words(tx, lane, people[one.sender], at, unread=row.received_at > tx.now - LENGTH, name=one.name)


def _received(row: StoredEvent, parse: Callable[[bytes, datetime], Sequence[Event]]) -> MessageReceived | None:
    match parse(row.body.encode(), row.received_at):
        case [MessageReceived() as one]:
            return one
    return None
