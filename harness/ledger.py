"""A ledger at this release's schema, copied from one that was migrated before: migrations take most of a short test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import Any
from uuid import uuid4

from sqlalchemy import event, make_url

from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.identity import ledger_identity
from harness.postgres import PostgresServer

ALEMBIC = RLock()
"""Alembic has one context for the whole process."""


@contextmanager
def open_ledger(url: str, **options: Any) -> Iterator[Database]:
    """Open a ledger, create or migrate its tables, and close it at the end; `options` are those of Database."""
    prepare(url)
    with reopened(url, **options) as db:
        yield db


@contextmanager
def reopened(url: str, *, callbacks_enabled: bool = False, **options: Any) -> Iterator[Database]:
    """Open a ledger that has its tables, and close it at the end."""
    kind = ("sqlite" if url.startswith("sqlite:") else url, *sorted(options.items()))
    closed = _CLOSED.setdefault(kind, [])
    db = _moved(closed.pop(), url) if closed else _opened(url, options)
    db.callbacks_enabled = callbacks_enabled
    try:
        yield db
    finally:
        db.close()
        closed.append(db)


_CLOSED: dict[tuple[Any, ...], list[Database]] = {}
"""Closed ledgers by their kind, which are opened again: an engine keeps the statements that it compiled, and to
compile them takes a third of most tests.
"""


def _opened(url: str, options: dict[str, Any]) -> Database:
    db = Database(url, **options)
    if db.sqlite:

        @event.listens_for(db.engine, "do_connect")
        def connect(_dialect: Any, _record: Any, arguments: list[str], _options: dict[str, Any]) -> None:
            arguments[0] = str(db.url.database)

        @event.listens_for(db.engine, "connect")
        def trust_the_disk(connection: Any, _record: Any) -> None:
            # No test of this process cuts the power, and to wait for the disk takes longer than most transactions.
            connection.execute("PRAGMA synchronous=OFF")

    return retain_statements(db)


def retain_statements(db: Database) -> Database:
    """Let the engines keep every statement that they compile: all tests have more of them than one deployment."""
    for engine in {db.engine, db._autocommit}:
        engine.update_execution_options(compiled_cache={})
    return db


def _moved(db: Database, url: str) -> Database:
    if db.sqlite:
        db.url = make_url(url)
    return db


def prepare(url: str) -> None:
    """Create the tables in an empty database, or migrate them."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        file = Path(parts.database or "")
        if not file.exists() or not file.stat().st_size:
            file.parent.mkdir(parents=True, exist_ok=True)
            content, identity = _empty_ledger()
            file.write_bytes(content.replace(identity, uuid4().hex.encode()))
            return
    _migrate(url)


def copied_ledger(server: PostgresServer, name: str | None = None, options: str = "") -> str:
    """Create a database with the tables as a copy of one that was migrated before, and return its URL.

    `options` are more ones of CREATE DATABASE, such as `OWNER app`.
    """
    name = name or f"t{uuid4().hex}"
    with ALEMBIC:
        template = f"ledger_{migrate.head()}"
        with server.connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (template,)).fetchone():
                migrated(server.create_database(template))
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {options}')
    with server.connect(name) as connection:
        connection.execute("UPDATE identity SET ledger = %s", (uuid4().hex,))
    return server.database_url(name)


def migrated(url: str) -> str:
    """Create the tables in an empty database, and return its URL."""
    prepare(url)
    return url


def _migrate(url: str) -> None:
    with ALEMBIC, closing(Database(url)) as db:
        if not migrate.at_head(db):
            migrate.upgrade(db)


@cache
def _empty_ledger() -> tuple[bytes, bytes]:
    """Return the file of an SQLite ledger, and its identity in it; each copy needs one of its own."""
    with TemporaryDirectory(prefix="harkara-ledger-") as folder:
        file = Path(folder) / "harkara.db"
        _migrate(url := f"sqlite:///{file}")
        with closing(Database(url)) as db:
            identity = ledger_identity(db).ledger
        return file.read_bytes(), identity.encode()
