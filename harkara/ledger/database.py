"""The wall to the database: SQLite (WAL) or PostgreSQL, short transactions, and the database's own clock."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, cast

import psycopg
from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Engine,
    Executable,
    Table,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel.sql.sqltypes import UTCDateTime

from harkara.errors import HarkaraError, Unavailable
from harkara.ledger.clock import Clock
from harkara.ledger.engines import postgres_engines, sqlite_engine

Row = dict[str, Any]
Rows = CursorResult[*tuple[Any, ...]]

_READ_ONLY = "25006"
"""PostgreSQL's state for a server that takes no writes, as a replica before it is promoted."""

_OTHER_SCHEMA = ("42P01", "42703")
"""Its states for a table and a column that are not there; SQLite has words alone."""


class LedgerError(HarkaraError):
    """The database refuses what this release wants to write: a defect, or another release's schema."""


class Database:
    """Where the ledger lives.

    `url` is a SQLAlchemy URL (`sqlite:///var/harkara.db`, `postgresql+psycopg://…`). Errors of the database
    (away, locked for longer than `patience` seconds, silent for longer than `longest`, which is six times the patience
    unless it is given, disk full) come out as `Unavailable`. `tells` is whether the application wants to be told what
    changes here.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: float = 5.0,
        longest: float | None = None,
        connections: int = 8,
        tells: bool = False,
    ) -> None:
        self.url = _with_driver(make_url(url))
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.tells = tells
        self._clock = Clock()
        if self.sqlite:
            self.engine: Engine = sqlite_engine(self.url, patience, connections)
            self._at_once = self.engine  # to begin and to commit costs no round trip there
        else:
            self.engine, self._at_once = postgres_engines(self.url, patience, longest or 6 * patience, connections)

    @contextmanager
    def write(self, *, once: bool = False) -> Iterator[Transaction]:
        """One transaction that will write; commits at the end, or rolls back on an exception.

        With `once` it is a single statement, which commits by itself: PostgreSQL is spared three round trips.
        """
        with self._transaction(self._at_once if once else self.engine, harkara_write=True) as tx:
            yield tx

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        """A look that blocks nobody; with `snapshot` all its queries see one and the same moment."""
        if not snapshot or self.sqlite:  # SQLite's readers always see one moment
            with self._transaction(self._at_once, harkara_write=False) as tx:
                yield tx
        else:
            with self._transaction(self.engine, harkara_write=False, isolation_level="REPEATABLE READ") as tx:
                yield tx

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection without a transaction of its own, for migrations; errors come out as everywhere here."""
        with self._connection(self.engine) as connection:
            yield connection

    def close(self) -> None:
        self.engine.dispose()
        self._at_once.dispose()

    @contextmanager
    def _transaction(self, engine: Engine, **options: Any) -> Iterator[Transaction]:
        with self._connection(engine, **options) as connection, connection.begin():
            yield Transaction(connection, self.sqlite, self._clock, self.tells)

    @contextmanager
    def _connection(self, engine: Engine, **options: Any) -> Iterator[Connection]:
        try:
            with engine.connect() as connection:
                yield connection.execution_options(**options) if options else connection
        except (DBAPIError, PoolTimeout, psycopg.Error) as error:
            # The driver's own words quote the row, with its number and its text: they go no further than here.
            raise _translated(error) from None


@dataclass
class Transaction:
    """An open transaction and the database's time in it."""

    connection: Connection
    sqlite: bool
    clock: Clock
    tells: bool = False

    @cached_property
    def now(self) -> datetime:
        """The database's clock: every lease and due date of this transaction is measured by this moment of it."""
        return self.clock.now(self._ask_clock)

    def _ask_clock(self) -> datetime:
        clock = func.strftime("%Y-%m-%d %H:%M:%f", "now") if self.sqlite else func.clock_timestamp()
        moment = self.connection.execute(select(clock)).scalar_one()
        if isinstance(moment, str):
            moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        return cast(datetime, moment).astimezone(UTC)

    def execute(self, statement: Executable, parameters: Row | Sequence[Row] | None = None) -> Rows:
        return self.connection.execute(statement, parameters)

    def execute_each(
        self,
        statement: str,
        columns: Mapping[str, str],
        rows: Sequence[Row],
        *,
        returning: tuple[ColumnElement[Any], ...] = (),
        **moments: datetime,
    ) -> Rows:
        """One statement for many rows: in it, `{each}` is a table of them with these columns (name: SQL type).

        `{skip_locked}` is how a subquery locks the rows of `message` that nobody else has; what comes back is of the
        types of `returning`.
        """
        prepared = _for_each(statement, tuple(columns.items()), returning, tuple(moments), self.sqlite)
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
    statement: str,
    columns: tuple[tuple[str, str], ...],
    returning: tuple[ColumnElement[Any], ...],
    moments: tuple[str, ...],
    sqlite: bool,
) -> Executable:
    if sqlite:
        fields = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name, _ in columns)
        each = f"(SELECT {fields} FROM json_each(:rows)) AS each"
    else:
        fields = ", ".join(f"{name} {kind}" for name, kind in columns)
        each = f"json_to_recordset(CAST(:rows AS json)) AS each({fields})"
    skip_locked = "" if sqlite else "FOR UPDATE OF message SKIP LOCKED"
    prepared = text(statement.format(each=each, skip_locked=skip_locked))
    bound = prepared.bindparams(*(bindparam(name, type_=UTCDateTime()) for name in moments))
    return bound.columns(*returning) if returning else bound


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
