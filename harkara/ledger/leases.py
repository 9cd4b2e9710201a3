"""Leases: periodic work that any process may do, and only one at a time does.

A lease is a row of its own, or the lock of that row when the work is a single transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, or_, select, update

from harkara.ledger import tables
from harkara.ledger.database import Database
from harkara.ledger.transaction import Row, Transaction

SET_BACK: Final = timedelta(minutes=1)
"""A time that is so much further ahead than it can be was written before the database's clock was set back.

Otherwise the work would not be done again before the clock had reached that time.
"""


@contextmanager
def lease(db: Database, name: str, holder: str, *, lease_seconds: float, every_seconds: float) -> Iterator[bool]:
    """Yield True to one caller at a time, and not again before `every_seconds` have passed since the last end.

    When a holder dies, another caller gets the lease after `lease_seconds`. Raises Unavailable.
    """
    held = _acquire(db, name, holder, lease_seconds, every_seconds)
    try:
        yield held
    finally:
        if held:
            with db.write(autocommit=True) as tx:
                free = {"until": tx.now, "done_at": tx.now}
                tx.execute(
                    update(tables.lease)
                    .where(tables.lease.c.name == name, tables.lease.c.holder == holder)
                    .values(**free)
                )


@dataclass(frozen=True, slots=True)
class TransactionLease:
    """The lease of periodic work that is done within one transaction, and not again before `every_seconds`.

    A holder that dies leaves nothing to wait for.
    """

    name: str
    holder: str
    every_seconds: float

    def is_free(self, tx: Transaction) -> bool:
        """Return whether the work is due, so that the others need not write to find out that it is not."""
        found = _load(tx, self.name)
        return found is None or _free(found, timedelta(seconds=self.every_seconds), tx.now, SET_BACK)

    def acquire(self, tx: Transaction) -> bool:
        """Hold the lease until the transaction ends; return False, without a wait, if another one does.

        Only the first holders of a ledger, whose row is new, wait for each other.
        """
        done = {"holder": self.holder, "until": tx.now, "done_at": tx.now}
        free = select(tables.lease.c.name).where(
            *_is_free(self.name, timedelta(seconds=self.every_seconds), tx.now, SET_BACK)
        )
        mine = tables.lease.c.name.in_(free.with_for_update(skip_locked=True))
        if tx.execute(update(tables.lease).where(mine).values(**done)).rowcount == 1:
            return True
        return self._insert_new(tx, tx.now)

    def add(self, db: Database) -> bool:
        """Add the row of the lease, free; return False if it was there. Raises Unavailable."""
        with db.write() as tx:
            return self._insert_new(tx, None)

    def free_before(self, now: datetime) -> datetime:
        """Return the latest end of the last work at which the work is due again."""
        return now - timedelta(seconds=self.every_seconds)

    def _insert_new(self, tx: Transaction, done_at: datetime | None) -> bool:
        if _load(tx, self.name):
            return False  # an INSERT would wait for a holder that has locked the row
        return _insert(tx, {"name": self.name, "holder": self.holder, "until": tx.now, "done_at": done_at})


ACQUIRED = """
UPDATE duty SET holder = :holder, until = :now, done_at = :now WHERE name IN (
    SELECT name FROM duty WHERE name = :name AND (until <= :now OR until > :ahead)
        AND (done_at IS NULL OR done_at <= :before OR done_at > :ahead)
    FOR UPDATE SKIP LOCKED
)
RETURNING name
"""
"""SQL of PostgreSQL: what `TransactionLease.acquire` does with a row that exists, as a part of another statement."""


def mark_done(db: Database, name: str, holder: str) -> None:
    """Record that `holder` did the work just now, without a lease. Raises Unavailable."""
    with db.write() as tx:
        free = {"holder": holder, "until": tx.now, "done_at": tx.now}
        tx.execute(tx.insert_new(tables.lease), {"name": name, **free})
        tx.execute(update(tables.lease).where(tables.lease.c.name == name).values(**free))


def seconds_since(db: Database, name: str) -> float | None:
    """Return the seconds since the periodic work `name` was last done, None for never. Raises Unavailable."""
    with db.read() as tx:
        done = tx.execute(select(tables.lease.c.done_at).where(tables.lease.c.name == name)).scalar()
        return (tx.now - done).total_seconds() if done else None


class _Lease(NamedTuple):
    until: datetime
    done_at: datetime | None


def _acquire(db: Database, name: str, holder: str, lease_seconds: float, every_seconds: float) -> bool:
    interval, longest = timedelta(seconds=every_seconds), timedelta(seconds=lease_seconds) + SET_BACK
    with db.read() as tx:
        found = _load(tx, name)
        if found and not _free(found, interval, tx.now, longest):
            return False  # the common case writes nothing
    with db.write(autocommit=True) as tx:
        until = tx.now + timedelta(seconds=lease_seconds)
        if not found:
            return _insert(tx, {"name": name, "holder": holder, "until": until, "done_at": None})
        free = update(tables.lease).where(*_is_free(name, interval, tx.now, longest))
        return tx.execute(free.values(holder=holder, until=until)).rowcount == 1


def _load(tx: Transaction, name: str) -> _Lease | None:
    query = select(tables.lease.c.until, tables.lease.c.done_at).where(tables.lease.c.name == name)
    return next(iter(tx.load(_Lease, query)), None)


def _free(found: _Lease, interval: timedelta, now: datetime, longest: timedelta) -> bool:
    is_held = now < found.until <= now + longest
    return not is_held and (found.done_at is None or not now - interval < found.done_at <= now + SET_BACK)


def _is_free(name: str, interval: timedelta, now: datetime, longest: timedelta) -> tuple[ColumnElement[bool], ...]:
    until, done_at = tables.lease.c.until, tables.lease.c.done_at
    is_due = or_(done_at.is_(None), done_at <= now - interval, done_at > now + SET_BACK)
    return tables.lease.c.name == name, or_(until <= now, until > now + longest), is_due


def _insert(tx: Transaction, row: Row) -> bool:
    return tx.execute(tx.insert_new(tables.lease).returning(tables.lease.c.name), row).first() is not None
