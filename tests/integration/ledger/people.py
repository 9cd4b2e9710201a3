"""Steps with people who have several names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from harkara.inbound.contact import ConsentChoice
from harkara.ledger.contacts.consent import apply_consent, link_names
from harkara.ledger.database import Database
from harkara.ledger.tables import consent, contact
from harkara.ledger.transaction import Row, Transaction

START = datetime(2026, 5, 3, 10, 30, tzinfo=UTC)
SHARED = ("wrote_at", "stopped", "agreed_at", "wished_at", "settled_at")

Step = Callable[[Transaction, str], Any]
"""Applies something in a lane."""


def minute(n: int) -> datetime:
    return START + timedelta(minutes=n)


def link(*names: str) -> Step:
    return lambda tx, lane: link_names(tx, lane, names)


def wrote(name: str, at: int, *others: str) -> Step:
    return lambda tx, lane: link_names(tx, lane, (name, *others), wrote_at=minute(at))


def chose(name: str, action: Any, category: Any, at: int) -> Step:
    return lambda tx, lane: apply_consent(tx, lane, [choice(name, action, category, at)])


def choice(name: str, action: Any = "opt-out", category: Any = "everything", at: int = 0) -> ConsentChoice:
    return ConsentChoice(recipient=name, action=action, category=category, how="operator", proof="Form", at=minute(at))


def apply_steps(db: Database, lane: str, steps: Sequence[Step]) -> None:
    """Apply each step in a transaction of its own."""
    for step in steps:
        with db.write() as tx:
            step(tx, lane)


def people_of(db: Database, lane: str) -> dict[frozenset[str], tuple[Any, ...]]:
    """Return the state of each person by the names; fail when the names of a person differ in it."""
    people: dict[str, list[Row]] = {}
    for row in contacts(db, lane):
        people.setdefault(row["person"], []).append(row)
    found = {}
    for rows in people.values():
        (state,) = {tuple(row[name] for name in SHARED) for row in rows}
        found[frozenset(row["recipient"] for row in rows)] = state
    return found


def contacts(db: Database, lane: str) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(contact).where(contact.c.lane == lane))


def record_as_release_before(db: Database, name: str, at: int = 0, lane: str = "default") -> None:
    """Record an opt-out of everything as a worker does that knows no people."""
    with db.write() as tx:
        proof = {"how": "customer", "proof": "STOP", "wish": "opt-out", "category": "everything", "at": minute(at)}
        tx.execute(insert(consent), proof | {"lane": lane, "recipient": name})
        tx.execute(tx.insert_new(contact), {"lane": lane, "recipient": name})
        own = (contact.c.lane == lane, contact.c.recipient == name)
        tx.execute(contact.update().where(*own).values(stopped="everything", agreed_at=None, wished_at=minute(at)))
