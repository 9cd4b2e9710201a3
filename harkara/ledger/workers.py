"""Workers: each process renews a lease in the ledger while it lives, so that the sweep knows which ones have died."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, insert, select, update

from harkara.ledger.database import Database
from harkara.ledger.tables import attempt, message, worker
from harkara.ledger.transaction import Transaction

_FORGOTTEN = timedelta(hours=1)
"""Longer than any lease of a message that is being sent."""


_WORKER = {"name": "text", "seconds": "double precision"}
_RENEW = """
UPDATE worker SET lease_until = clock_timestamp() + make_interval(secs => each.seconds)
FROM {each} WHERE worker.name = each.name
RETURNING lease_until - make_interval(secs => each.seconds)
"""
"""SQL of PostgreSQL: one prepared statement, since every worker runs it every two seconds."""


def renew_worker(db: Database, name: str, seconds: float) -> datetime:
    """Let the worker's lease end `seconds` from now; return the database's time. Raises Unavailable."""
    if not db.sqlite and (renewed := db.execute_each(_RENEW, _WORKER, [{"name": name, "seconds": seconds}])):
        now: datetime = renewed[0][0]
        return now.astimezone(UTC)
    with db.write() as tx:
        until = tx.now + timedelta(seconds=seconds)
        if not tx.execute(update(worker).where(worker.c.name == name).values(lease_until=until)).rowcount:
            tx.execute(delete(worker).where(worker.c.lease_until < tx.now - _FORGOTTEN))
            tx.execute(insert(worker), {"name": name, "lease_until": until})
        return tx.now


def remove_worker(db: Database, name: str) -> None:
    """Forget a worker that ends and is sending nothing. Raises Unavailable."""
    with db.write() as tx:
        tx.execute(delete(worker).where(worker.c.name == name))


def sent_by_dead_worker(tx: Transaction) -> ColumnElement[bool] | None:
    """Return the condition that a message is being sent by a worker whose lease ran out; None if there is none.

    A worker without a lease meets it never: it has ended in order, could not renew in time, or is of an older release.
    """
    dead = tx.execute(select(worker.c.name).where(worker.c.lease_until <= tx.now)).scalars().all()
    if not dead:
        return None
    return exists().where(
        attempt.c.message_id == message.c.id, attempt.c.epoch == message.c.epoch, attempt.c.worker.in_(dead)
    )
