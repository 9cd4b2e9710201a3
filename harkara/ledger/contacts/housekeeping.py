"""Upkeep of contacts: settle what a release without people wrote, and delete people who have been inactive."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, delete, or_, select, text, tuple_

from harkara.inbound.window import LENGTH
from harkara.ledger.contacts.consent import settle
from harkara.ledger.contacts.people import lock_people
from harkara.ledger.database import Database
from harkara.ledger.tables import contact, conversation
from harkara.ledger.tables.contacts import UNSETTLED
from harkara.ledger.transaction import Row, Transaction

_KEY = (contact.c.lane, contact.c.recipient)


def settle_people(db: Database, limit: int) -> int:
    """Give a person to the names without one, and all names of a person the choices of each; return how many.

    A worker of the release before knows no people: it adds names without a person, and records a choice under one name
    of several. The newest of such choices are settled first, at most `limit` of each. Raises Unavailable.
    """
    unsettled = select(*_KEY).where(text(UNSETTLED)).order_by(contact.c.wished_at.desc()).limit(limit)
    unexamined = select(*_KEY).where(contact.c.person.is_(None)).order_by(contact.c.recipient).limit(limit)
    with db.read() as tx:
        found = {(row.lane, row.recipient) for query in (unsettled, unexamined) for row in tx.execute(query)}
    # One lane in a transaction: with the locks of several, and of their messages, two workers could deadlock.
    for lane in {lane for lane, _ in found}:
        with db.write() as tx:
            settle(tx, lane, [name for its_lane, name in found if its_lane == lane])
    return len(found)


def delete_inactive(tx: Transaction, retention_seconds: float | None, limit: int) -> int:
    """Delete people who wrote before the retention and never opted out or in; return the number of their names.

    A person who never wrote, and whose names a status connected, counts from the time of that. A person is deleted with
    all names or not at all. A person with a choice stays for ever, together with the proof. None as retention deletes
    nothing.
    """
    if retention_seconds is None:
        return 0
    inactive = _inactive(tx, retention_seconds)
    names = [row for each in inactive for row in tx.rows(select(*_KEY, contact.c.person).where(each).limit(limit))]
    for lane in sorted({row["lane"] for row in names}):
        lock_people(tx, lane)
    people = {row["person"] for row in names if row["person"]} - _active(tx, names, or_(*inactive))
    alone = tuple_(*_KEY).in_([(row["lane"], row["recipient"]) for row in names if not row["person"]])
    gone = or_(contact.c.person.in_(people), and_(alone, contact.c.person.is_(None)))
    if people:
        tx.execute(delete(conversation).where(conversation.c.person.in_(people)))
    return tx.execute(delete(contact).where(gone, or_(*inactive))).rowcount if names else 0


def _inactive(tx: Transaction, retention_seconds: float) -> Sequence[ColumnElement[bool]]:
    long_ago = tx.now - max(timedelta(seconds=retention_seconds), LENGTH)
    no_choice = contact.c.wished_at.is_(None)
    return (
        and_(no_choice, contact.c.wrote_at <= long_ago),
        and_(no_choice, contact.c.wrote_at.is_(None), contact.c.linked_at <= long_ago),
    )


def _active(tx: Transaction, names: Sequence[Row], inactive: ColumnElement[bool]) -> set[str]:
    """Return the people with a name that is not inactive, as after a message to a worker of the release before."""
    people = {row["person"] for row in names if row["person"]}
    query: Select[tuple[str]] = select(contact.c.person).where(contact.c.person.in_(people), ~inactive)
    return set(tx.execute(query).scalars())
