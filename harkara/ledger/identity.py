"""The ledger's identity, and the register of the processes that use it with their Redis."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, insert, or_, select, text, update

from harkara.ledger.database import Database
from harkara.ledger.tables import identity, process
from harkara.ledger.transaction import Transaction

ALIVE_SECONDS = 15.0
"""A process that has not seen its Redis for longer does not count any more."""

_FORGOTTEN = timedelta(hours=1)

_SAME_MOMENT = timedelta(seconds=1)
"""More than the hosts' measures of the database's time differ by."""


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """`ledger` is random, and copies of a database have the same one; `database` distinguishes the copies."""

    ledger: str
    database: str


@dataclass(frozen=True, slots=True)
class ProcessNeeds:
    """The release of a process, its newest migration, and the most connections to the database that it opens."""

    release: str
    revision: str
    connections: int


@dataclass(frozen=True, slots=True, order=True)
class RegisteredProcess:
    """A process that has seen the Redis of this id: first at `since`, and last at `seen_at`, by the database's clock.

    The order is that of the processes' seniority.
    """

    since: datetime
    name: str
    redis: str
    seen_at: datetime

    def contradicts(self, own: RegisteredProcess) -> bool:
        """Whether two Redis exist: it has seen another one after `own` had moved to its Redis.

        A Redis that was emptied contradicts nothing: no process sees its former id again.
        """
        return self.redis != own.redis and self.seen_at > own.since + _SAME_MOMENT


def ledger_identity(db: Database) -> LedgerIdentity:
    """Return the identity of the ledger. Raises Unavailable."""
    with db.read() as tx:
        found = tx.execute(select(identity.c.ledger)).scalar()
        database = _sqlite_file(db) if db.sqlite else _postgres_database(tx)
    return LedgerIdentity(found or _create_identity(db), database)


def _create_identity(db: Database) -> str:
    """Replace the row of the migration, if it was deleted."""
    with db.write() as tx:
        tx.execute(tx.insert_new(identity), {"id": 1, "ledger": uuid4().hex})
        return cast(str, tx.execute(select(identity.c.ledger)).scalar_one())


def current_time(db: Database) -> datetime:
    """Return the database's time. Raises Unavailable."""
    with db.read() as tx:
        return tx.now


def register(
    db: Database,
    name: str,
    redis: str,
    seen_at: datetime,
    *,
    anew: bool = False,
    needs: ProcessNeeds | None = None,
) -> RegisteredProcess:
    """Note that the process has seen the Redis of this id after `seen_at`; return its row. Raises Unavailable.

    With `anew`, and when it saw another Redis before, the row begins now. `needs` are what the process runs and needs.
    """
    own = process.c.name == name
    with db.write() as tx:
        known = _load(tx, own)
        if known and not anew and known[0].redis == redis:
            tx.execute(update(process).where(own).values(seen_at=seen_at))
            return replace(known[0], seen_at=seen_at)
        tx.execute(delete(process).where(or_(own, process.c.seen_at < tx.now - _FORGOTTEN)))
        new = RegisteredProcess(since=tx.now, name=name, redis=redis, seen_at=seen_at)
        tx.execute(insert(process), asdict(new) | (asdict(needs) if needs else {}))
        return new


def unregister(db: Database, name: str) -> None:
    """Forget a process that ends. Raises Unavailable."""
    with db.write() as tx:
        tx.execute(delete(process).where(process.c.name == name))


def live_processes(db: Database) -> list[RegisteredProcess]:
    """Return the processes that have seen their Redis within ALIVE_SECONDS, the senior ones first."""
    with db.read() as tx:
        return sorted(_load(tx, process.c.seen_at > tx.now - timedelta(seconds=ALIVE_SECONDS)))


def _load(tx: Transaction, which: ColumnElement[bool]) -> list[RegisteredProcess]:
    columns = (process.c.since, process.c.name, process.c.redis, process.c.seen_at)
    return tx.load(RegisteredProcess, select(*columns).where(which))


def _sqlite_file(db: Database) -> str:
    return f"file {Path(db.url.database or '').stat().st_ino}" if db.url.database else "memory"


def _postgres_database(tx: Transaction) -> str:
    """Return the server's own identifier, where this user may read it, and that of the database in it."""
    allowed = tx.execute(text("SELECT has_function_privilege('pg_control_system()', 'execute')")).scalar()
    server = tx.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar() if allowed else "server"
    database = tx.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar()
    return f"{server}/{database}"
