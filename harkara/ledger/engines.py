"""The engines behind the wall: how a connection to SQLite or PostgreSQL is set up, and how long it waits."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

IDLE_SECONDS = 1.0
"""A connection that rested longer is asked whether it still lives."""


def sqlite_engine(url: URL, patience: float, connections: int) -> Engine:
    """WAL, every commit on the disk; waits `patience` seconds for the lock."""
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=patience,
        connect_args={"timeout": patience},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions behind our back
        _write_ahead(connection, patience)
        # WAL with NORMAL may forget a commit in a power cut; a forgotten `sending` row is a silent duplicate.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins as a reader can read, be overtaken, and overwrite: it takes the lock at once.
        write = connection.get_execution_options().get("harkara_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """A file is switched over by the first who comes; who meets him at it is told at once that it is locked."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def postgres_engines(url: URL, patience: float, longest: float, connections: int) -> tuple[Engine, Engine]:
    """For transactions, and for single statements that commit by themselves, on connections of their own.

    To change the mode of a connection each time costs as much as a look. Both wait `patience` seconds for a connection
    or a lock, `longest` for any answer.
    """
    return (
        _postgres_engine(url, patience, longest, max(2, connections // 2)),
        _postgres_engine(url, patience, longest, connections, isolation_level="AUTOCOMMIT"),
    )


def _postgres_engine(url: URL, patience: float, longest: float, connections: int, **more: Any) -> Engine:
    options = f"-c timezone=UTC -c lock_timeout={int(patience * 1000)} -c statement_timeout={int(longest * 1000)}"
    # A plan that was kept from when the table was small walks through all of it once a bulk of messages has come.
    options += " -c plan_cache_mode=force_custom_plan"
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=patience,
        pool_use_lifo=True,  # the one that was used last need not be asked whether it lives
        hide_parameters=True,
        connect_args={
            "connect_timeout": max(2, int(patience)),
            "options": options,
            "application_name": "harkara",
            # A mute server must not hold a thread for the kernel's quarter of an hour.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": int(patience * 2000),
        },
        **more,
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, options: Any) -> psycopg.Connection[Any]:
        connection = _Impatient.connect(*args, **options)
        connection.longest = longest + 1.0  # the server's own limit comes first, if it can
        return connection

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info["resting_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def wake(connection: Any, record: Any, _proxy: Any) -> None:
        # A server that was restarted is noticed before a transaction begins; busy connections need not ask.
        if time.monotonic() - record.info.get("resting_since", 0.0) > IDLE_SECONDS:
            try:
                connection.execute("SELECT 1")
                connection.rollback()
            except psycopg.errors._WaitTimeout:
                raise  # a new connection to a server that is mute would only take as long again
            except psycopg.Error as error:
                raise DisconnectionError from error

    return engine


class _Impatient(psycopg.Connection[Any]):
    """Gives up on a server that says nothing though its host lives: stopped, or behind a proxy that lost it."""

    longest = 30.0

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, min(timeout or self.longest, self.longest))
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise
