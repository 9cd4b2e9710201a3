"""The wall to the database: SQLite (WAL) or PostgreSQL, short transactions, and the database's own clock."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from pathlib import Path
from typing import Any, cast

import psycopg
from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    Table,
    TextClause,
    bindparam,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel.sql.sqltypes import UTCDateTime

from harkara.errors import HarkaraError, Unavailable

Row = dict[str, Any]
Rows = CursorResult[*tuple[Any, ...]]

_READ_ONLY = "25006"
"""PostgreSQL's state for a server that takes no writes, as a replica before it is promoted."""

_OTHER_SCHEMA = ("42P01", "42703")
"""Its states for a table and a column that are not there; SQLite has words alone."""

IDLE_SECONDS = 1.0
"""A connection that rested longer is asked whether it still lives."""


class LedgerError(HarkaraError):
    """The database refuses what this release wants to write: a defect, or another release's schema."""


class Database:
    """Where the ledger lives.

    `url` is a SQLAlchemy URL (`sqlite:///var/harkara.db`, `postgresql+psycopg://…`). Errors of the database
    (away, locked for longer than `patience` seconds, silent for longer than `longest`, which is six times the patience
    unless it is given, disk full) come out as `Unavailable`.
    """

    def __init__(self, url: str, *, patience: float = 5.0, longest: float | None = None, connections: int = 8) -> None:
        self.url = _with_driver(make_url(url))
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine: Engine = (
            _sqlite_engine(self.url, patience, connections)
            if self.sqlite
            else _postgres_engine(self.url, patience, longest or 6 * patience, connections)
        )

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction that will write; commits at the end, or rolls back on an exception."""
        with self._transaction(write=True) as tx:
            yield tx

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        """A look that blocks nobody; with `snapshot` all its queries see one and the same moment."""
        with self._transaction(write=False, snapshot=snapshot) as tx:
            yield tx

    @contextmanager
    def connection(self, **options: Any) -> Iterator[Connection]:
        """A connection without a transaction of its own, for migrations; errors come out as everywhere here."""
        try:
            with self.engine.connect().execution_options(**options) as connection:
                yield connection
        except (DBAPIError, PoolTimeout, psycopg.Error) as error:
            # The driver's own words quote the row, with its number and its text: they go no further than here.
            raise _translated(error) from None

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _transaction(self, *, write: bool, snapshot: bool = False) -> Iterator[Transaction]:
        options: dict[str, Any] = {"harkara_write": write}
        if snapshot and not self.sqlite:  # SQLite's readers always see one moment
            options["isolation_level"] = "REPEATABLE READ"
        with self.connection(**options) as connection, connection.begin():
            yield Transaction(connection, self.sqlite)


@dataclass
class Transaction:
    """An open transaction and the database's time in it."""

    connection: Connection
    sqlite: bool

    @cached_property
    def now(self) -> datetime:
        """The database's clock, read once: every lease and due date of this transaction is measured by it."""
        clock = func.strftime("%Y-%m-%d %H:%M:%f", "now") if self.sqlite else func.clock_timestamp()
        moment = self.connection.execute(select(clock)).scalar_one()
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        return cast(datetime, moment).astimezone(UTC)

    def execute(self, statement: Executable, parameters: Row | Sequence[Row] | None = None) -> Rows:
        return self.connection.execute(statement, parameters)

    def execute_each(
        self, statement: str, columns: Mapping[str, str], rows: Sequence[Row], **moments: datetime
    ) -> Rows:
        """One statement for many rows: in it, `{each}` is a table of them with these columns (name: SQL type)."""
        prepared = _for_each(statement, tuple(columns.items()), tuple(moments), self.sqlite)
        return self.execute(prepared, {"rows": json.dumps(rows), **moments})

    def insert_new(self, table: Table) -> Any:
        """An INSERT that passes over rows which are there already; both databases spell it the same."""
        dialect: Any = sqlite if self.sqlite else postgresql
        return dialect.insert(table).on_conflict_do_nothing()

    def copy_new(self, table: Table, rows: Sequence[Row]) -> set[str]:
        """The same for many rows on PostgreSQL, by COPY, which takes an eighth of the time; returns the new ids."""
        columns = ", ".join(rows[0])
        cursor: Any = self.connection.connection.cursor()
        with cursor:
            cursor.execute(
                f"CREATE TEMP TABLE IF NOT EXISTS incoming (LIKE {table.name} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
            )
            with cursor.copy(f"COPY incoming ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(tuple(row.values()))
            cursor.execute(
                f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM incoming"
                " ON CONFLICT DO NOTHING RETURNING id"
            )
            return {identity for (identity,) in cursor.fetchall()}

    def rows(self, statement: Executable, parameters: Row | Sequence[Row] | None = None) -> list[Row]:
        return [dict(row) for row in self.execute(statement, parameters).mappings()]


def stored(moment: datetime) -> str:
    """A moment as SQLite keeps it; PostgreSQL reads it as well, its sessions being in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


@cache
def _for_each(
    statement: str, columns: tuple[tuple[str, str], ...], moments: tuple[str, ...], sqlite: bool
) -> TextClause:
    if sqlite:
        fields = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name, _ in columns)
        each = f"(SELECT {fields} FROM json_each(:rows)) AS each"
    else:
        fields = ", ".join(f"{name} {kind}" for name, kind in columns)
        each = f"json_to_recordset(CAST(:rows AS json)) AS each({fields})"
    return text(statement.format(each=each)).bindparams(*(bindparam(name, type_=UTCDateTime()) for name in moments))


def _translated(error: Exception) -> HarkaraError:
    cause = getattr(error, "orig", error)
    state = getattr(cause, "sqlstate", None)
    if state in _OTHER_SCHEMA or re.match("no such (table|column)|.* has no column", str(cause)):
        return LedgerError("the database has not the schema of this release: run `python -m workers.migrate`")
    if state == _READ_ONLY:
        return Unavailable("the database takes no writes now: it is read-only")
    if isinstance(error, OperationalError | PoolTimeout | psycopg.OperationalError):
        return Unavailable(f"the database cannot be used now ({type(cause).__name__.strip('_')})")
    if getattr(error, "connection_invalidated", False):
        return Unavailable("the connection to the database was lost")
    return LedgerError(f"the database refused a write: {state or type(cause).__name__}")


def _with_driver(url: URL) -> URL:
    """People write postgres:// and postgresql://; psycopg 3 is the driver that comes with Harkara."""
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


class _Impatient(psycopg.Connection[Any]):
    """Gives up on a server that says nothing though its host lives: stopped, or behind a proxy that lost it."""

    longest = 30.0

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, min(timeout or self.longest, self.longest))
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise


def _postgres_engine(url: URL, patience: float, longest: float, connections: int) -> Engine:
    options = f"-c timezone=UTC -c lock_timeout={int(patience * 1000)} -c statement_timeout={int(longest * 1000)}"
    # A plan that was kept from when the table was small walks through all of it once a bulk of messages has come.
    options += " -c plan_cache_mode=force_custom_plan"
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=connections,
        pool_timeout=patience,
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


def _sqlite_engine(url: URL, patience: float, connections: int) -> Engine:
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
        connection.execute("PRAGMA journal_mode=WAL")
        # WAL with NORMAL may forget a commit in a power cut; a forgotten `sending` row is a silent duplicate.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins as a reader can read, be overtaken, and overwrite: it takes the lock at once.
        write = connection.get_execution_options().get("harkara_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine
