"""Leases: periodic work that any process may do, and only one at a time does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, select, update

from harkara.ledger import tables
from harkara.ledger.database import Database, Transaction


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
            with db.write() as tx:
                free = {"until": tx.now, "done_at": tx.now}
                tx.execute(
                    update(tables.lease)
                    .where(tables.lease.c.name == name, tables.lease.c.holder == holder)
                    .values(**free)
                )


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
    interval = timedelta(seconds=every_seconds)
    with db.read() as tx:
        found = tx.load(_Lease, select(tables.lease.c.until, tables.lease.c.done_at).where(tables.lease.c.name == name))
        if found and not _free(found[0], interval, tx.now):
            return False  # the common case writes nothing
    with db.write() as tx:
        until = tx.now + timedelta(seconds=lease_seconds)
        if not found:
            return _insert(tx, name, holder, until)
        free = update(tables.lease).where(
            tables.lease.c.name == name,
            tables.lease.c.until <= tx.now,
            or_(tables.lease.c.done_at.is_(None), tables.lease.c.done_at <= tx.now - interval),
        )
        return tx.execute(free.values(holder=holder, until=until)).rowcount == 1


def _free(found: _Lease, interval: timedelta, now: datetime) -> bool:
    return found.until <= now and (found.done_at is None or found.done_at <= now - interval)


def _insert(tx: Transaction, name: str, holder: str, until: datetime) -> bool:
    row = {"name": name, "holder": holder, "until": until, "done_at": None}
    return tx.execute(tx.insert_new(tables.lease).returning(tables.lease.c.name), row).first() is not None
