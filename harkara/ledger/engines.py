"""SQLAlchemy engines for SQLite and PostgreSQL: connection settings, timeouts and liveness checks."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError

from harkara.errors import Invalid
from harkara.ledger.postgres_connection import IDLE_SECONDS, PostgresConnection, SessionConnector
from harkara.ledger.prepared_statements import PreparedStatements

UNHURRIED_SECONDS = 86_400.0
"""Longest answer to a statement of a migration."""


def sqlite_engine(url: URL, lock_timeout: float, connections: int) -> Engine:
    """Return an engine in WAL mode that syncs every commit to disk and waits `lock_timeout` seconds for the lock.

    Raises Invalid when the folder of the file does not exist: a wrong path must not become a new, empty ledger.
    """
    file = (url.database or ":memory:").removeprefix("file:")  # SQLite also understands the URI of a file
    if file != ":memory:" and not (folder := Path(file).parent).is_dir():
        raise Invalid("database_url", f"must name a file in a folder that exists, and {folder} does not")
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=lock_timeout,
        connect_args={"timeout": lock_timeout},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions on its own
        _enable_wal(connection, lock_timeout)
        # WAL with NORMAL may lose a commit in a power cut; a lost `sending` row is a silent duplicate.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later can overwrite a commit in between: a writer locks at once.
        write = connection.get_execution_options().get("harkara_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _enable_wal(connection: sqlite3.Connection, lock_timeout: float) -> None:
    """Switch the file to WAL; SQLite ignores its own timeout while another process does the same, so retry here."""
    until = time.monotonic() + lock_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def postgres_engines(
    url: URL, lock_timeout: float, statement_timeout: float, connections: int
) -> tuple[Engine, Engine, PreparedStatements]:
    """Return an engine for transactions, one for queries that commit by themselves, and the prepared statements.

    Each has `connections` of its own, since switching the mode of a connection costs as much as a query. All wait
    `lock_timeout` seconds for a connection or a lock, and `statement_timeout` seconds for any answer.
    """
    limits: dict[str, str | int] = {
        "lock_timeout": int(lock_timeout * 1000),
        "statement_timeout": int(statement_timeout * 1000),
    }

    def connector(plans: dict[str, str | int]) -> SessionConnector:
        # The server's own limit comes first, if it can.
        return SessionConnector(limits | plans | _FORMATS, statement_timeout + 1.0)

    transactions = _postgres_engine(url, connector(_PLANS), lock_timeout, connections)
    _limit_pooled_transactions(transactions, limits)
    queries = _postgres_engine(url, connector(_PLANS), lock_timeout, connections, isolation_level="AUTOCOMMIT")
    args, options = queries.dialect.create_connect_args(url)
    # psycopg prepares a statement by default when a session has executed it five times, and each time planned it.
    own = {**options, **_connect_args(lock_timeout), "autocommit": True, "prepare_threshold": 0}
    connect = partial(connector(_PREPARED_PLANS).connect, *args, **own)
    return transactions, queries, PreparedStatements(connect, connections, lock_timeout)


_PLANS: dict[str, str | int] = {"plan_cache_mode": "force_custom_plan"}
"""A plan that was cached for a small table would scan all of it after a bulk of messages has arrived."""

_PREPARED_PLANS: dict[str, str | int] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
}
"""For statements that find every row by an index: to plan one takes longer than to execute it, and a plan that was
cached for a small table is right for a large one too when it scans none. A table without such an index is small: its
scan counts as so expensive that PostgreSQL would compile the statement, which takes seconds. A bitmap visits every row
that an index still names, also one that has left it long ago; a plain scan visits it once and then passes over it.
"""

_FORMATS: dict[str, str | int] = {"datestyle": "ISO"}
"""psycopg reads no other style, which a role or a database may have."""


def _postgres_engine(
    url: URL, connector: SessionConnector, lock_timeout: float, connections: int, **more: Any
) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,  # PostgreSQL has a limit, and a thread waits for less time than a new connection needs
        pool_timeout=lock_timeout,
        pool_use_lifo=True,  # the connection that was used last is rarely idle, so it is rarely tested
        hide_parameters=True,
        use_native_hstore=False,  # no table has one, and SQLAlchemy would look for the type in each process
        connect_args=_connect_args(lock_timeout),
        **more,
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, args: Any, options: Any) -> PostgresConnection:
        return connector.connect(*args, **options)

    @event.listens_for(engine, "connect")
    @event.listens_for(engine, "checkin")
    def mark_idle(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping_if_idle(connection: Any, record: Any, _proxy: Any) -> None:
        # A restarted server is noticed before a transaction begins; busy connections are not tested.
        if time.monotonic() - record.info["idle_since"] > IDLE_SECONDS and not connection.answers():
            raise DisconnectionError

    return engine


def _limit_pooled_transactions(engine: Engine, limits: dict[str, str | int]) -> None:
    """Set the limits of each transaction in its session, where the sessions themselves cannot have them."""
    values = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in limits.items())

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if is_pooled(connection):
            connection.exec_driver_sql(f"SELECT {values}")


def is_pooled(connection: Connection) -> bool:
    """Return whether a pooler is between this connection and PostgreSQL."""
    return isinstance(driver := connection.connection.driver_connection, PostgresConnection) and driver.pooled


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Let a statement on this connection take as long as it needs meanwhile; the server has its own limit."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, PostgresConnection):
        yield
        return
    usual, driver.answer_timeout = driver.answer_timeout, UNHURRIED_SECONDS
    try:
        yield
    finally:
        driver.answer_timeout = usual


def server_encoding(connection: Connection) -> str:
    """Return the encoding of a PostgreSQL database, which servers report when a connection begins."""
    driver: Any = connection.connection.driver_connection
    reported: str | None = driver.info.parameter_status("server_encoding")
    return reported or str(connection.execute(text("SHOW server_encoding")).scalar())


def _connect_args(lock_timeout: float) -> dict[str, Any]:
    return {
        "connect_timeout": max(2, int(lock_timeout)),
        "application_name": "harkara",
        "client_encoding": "utf8",  # whatever the role, the database or PGCLIENTENCODING says
        # An unresponsive server must not block a thread for the kernel's 15 minutes.
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": int(lock_timeout * 2000),
    }
