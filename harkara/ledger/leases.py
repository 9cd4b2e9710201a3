"""Duties: work that any process may do, and one at a time does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import or_, update

from harkara.ledger.database import Database
from harkara.ledger.tables import duty


@contextmanager
def lease(db: Database, name: str, holder: str, *, lease_seconds: float, every_seconds: float) -> Iterator[bool]:
    """Gives True to one caller at a time, and not again before `every_seconds` have passed since the last was done.

    A holder that dies is relieved after `lease_seconds`. Raises Unavailable.
    """
    mine = _take(db, name, holder, lease_seconds, every_seconds)
    try:
        yield mine
    finally:
        if mine:
            with db.write() as tx:
                free = {"until": tx.now, "done_at": tx.now}
                tx.execute(update(duty).where(duty.c.name == name, duty.c.holder == holder).values(**free))


def mark_done(db: Database, name: str, holder: str) -> None:
    """Notes that it was done just now, by whom. Raises Unavailable."""
    with db.write() as tx:
        free = {"holder": holder, "until": tx.now, "done_at": tx.now}
        tx.execute(tx.insert_new(duty), {"name": name, **free})
        tx.execute(update(duty).where(duty.c.name == name).values(**free))


def _take(db: Database, name: str, holder: str, lease_seconds: float, every_seconds: float) -> bool:
    with db.read() as tx:
        row = tx.execute(duty.select().where(duty.c.name == name)).mappings().first()
        resting = row and row["done_at"] and tx.now < row["done_at"] + timedelta(seconds=every_seconds)
        if row and (row["until"] > tx.now or resting):
            return False  # the common case writes nothing
    with db.write() as tx:
        until = tx.now + timedelta(seconds=lease_seconds)
        if row is None:
            fresh = {"name": name, "holder": holder, "until": until, "done_at": None}
            return tx.execute(tx.insert_new(duty).returning(duty.c.name), fresh).first() is not None
        taken = update(duty).where(
            duty.c.name == name,
            duty.c.until <= tx.now,
            or_(duty.c.done_at.is_(None), duty.c.done_at <= tx.now - timedelta(seconds=every_seconds)),
        )
        return tx.execute(taken.values(holder=holder, until=until)).rowcount == 1
