"""Database access of the ledger: SQLite (WAL) or PostgreSQL, short transactions and the database's own clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    TextClause,
    bindparam,
    text,
)
from sqlmodel.sql.sqltypes import UTCDateTime

from harkara.ledger.clock import Clock
from harkara.ledger.database_url import read_url
from harkara.ledger.driver_errors import DRIVER_ERRORS, translated
from harkara.ledger.engines import is_pooled, postgres_engines, sqlite_engine
from harkara.ledger.for_each import (
    in_utc,
    psycopg_for_each,
    psycopg_for_one,
    row_for_postgres,
    rows_for_postgres,
    rows_for_sqlite,
    runs_for_postgres,
    runs_for_sqlite,
    sqlite_for_each,
    sqlite_moments,
)
from harkara.ledger.transaction import Row, Transaction

KINDS = 3
"""Kinds of connections to PostgreSQL that a process has, each with a pool of its own."""


class Database:
    """The ledger's database.

    `url` is one that `read_url` reads (`sqlite:///var/harkara.db`, `postgresql://…`). `lock_timeout` and
    `statement_timeout` are seconds; `statement_timeout` defaults to six times `lock_timeout`. A database that is
    unreachable, locked or unresponsive for longer, or whose disk is full, raises `Unavailable`. `callbacks_enabled`
    says whether changes are written to the callback outbox. A process has `connections` for transactions on PostgreSQL,
    as many for queries, and as many for prepared statements. `has_timeline` says whether the server says its timeline,
    None before it was asked (see `harkara.ledger.timeline`).
    """

    def __init__(
        self,
        url: str,
        *,
        lock_timeout: float = 5.0,
        statement_timeout: float | None = None,
        connections: int = 8,
        callbacks_enabled: bool = False,
    ) -> None:
        self.url = read_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.callbacks_enabled = callbacks_enabled
        self.has_timeline: bool | None = False if self.sqlite else None
        self._clock = Clock()
        self._connections = connections
        if self.sqlite:
            self.engine: Engine = sqlite_engine(self.url, lock_timeout, connections)
            self._autocommit = self.engine  # BEGIN and COMMIT cost no round trip there
        else:
            statement_timeout = statement_timeout or 6 * lock_timeout
            engines = postgres_engines(self.url, lock_timeout, statement_timeout, connections)
            self.engine, self._autocommit, self._prepared = engines

    @contextmanager
    def write(self, *, autocommit: bool = False) -> Iterator[Transaction]:
        """Open a transaction for writes; it commits at the end and rolls back on an exception.

        With `autocommit` it must be a single statement: it commits by itself and saves PostgreSQL three round trips.
        """
        with self._transaction(self._autocommit if autocommit else self.engine, harkara_write=True) as tx:
            yield tx

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        """Open a transaction for reads, which blocks no writer; with `snapshot` all its queries see the same moment."""
        if not snapshot or self.sqlite:  # a read transaction of SQLite always sees one moment
            with self._transaction(self._autocommit, harkara_write=False) as tx:
                yield tx
        else:
            with self._transaction(self.engine, harkara_write=False, isolation_level="REPEATABLE READ") as tx:
                yield tx

    def execute_each(
        self,
        statement: str,
        columns: Mapping[str, str],
        rows: Sequence[Row],
        *,
        returning: tuple[ColumnElement[Any], ...] = (),
        texts: Mapping[str, str] = MappingProxyType({}),
        **moments: datetime,
    ) -> list[tuple[Any, ...]]:
        """Run one statement for many rows as `Transaction.execute_each` does, and commit it; return its result.

        PostgreSQL plans the statement once in each session, so it must find its rows by indexes. It runs beneath
        SQLAlchemy, which would take as much CPU as the statement itself. Without `returning`, the values of the result
        are the driver's.
        """
        if self.sqlite and returning:
            with self.write() as tx:
                return tx.execute_each(statement, columns, rows, returning=returning, texts=texts, **moments)
        if self.sqlite:
            values = {**_sqlite_values(rows, moments), **texts}
            found = self._execute_on_sqlite(sqlite_for_each(statement, tuple(columns)), values)
        elif len(rows) == 1:
            found = self._execute_one(statement, columns, rows[0], {**moments, **texts})
        else:
            query = psycopg_for_each(statement, tuple(columns.items()))
            found = self._execute_prepared(query, {**_postgres_values(rows, len(rows), moments), **texts})
        return in_utc(found, returning)

    def execute_runs(
        self,
        statement: str,
        common: Mapping[str, str],
        own: Mapping[str, str],
        rows: Sequence[Row],
        **moments: datetime,
    ) -> list[tuple[Any, ...]]:
        """Run a statement as `execute_each` does; return the driver's values.

        Its parameter is short where consecutive rows have the same values in the columns `common`.
        """
        if self.sqlite:
            shorter, values = runs_for_sqlite(statement, common, own, rows)
            return self._execute_on_sqlite(shorter, values | sqlite_moments(moments))
        query, parameters = runs_for_postgres(statement, common, own, rows)
        return self._execute_prepared(query, parameters | moments)

    def probe(self, query: str) -> tuple[Any, ...]:
        """Return the only row of a query that looks for work; `{now}` in it is the database's time.

        On PostgreSQL it is one statement, prepared as in `execute_each`, and the time need not be queried after it.
        Raises Unavailable.
        """
        if self.sqlite:
            with self.read() as tx:
                return tuple(tx.execute(_probe_on_sqlite(query), {"now": tx.now}).one())
        *found, now = self._execute_prepared(_probe_on_postgres(query), {})[0]
        self.observe_now(now.astimezone(UTC))
        return tuple(found)

    def now(self) -> datetime:
        """Return the database's time. Raises Unavailable."""
        return self._clock.now(self._query_time)

    def time_of(self, moment: float) -> datetime:
        """Return the database's time at a past moment of `time.monotonic()` of this process. Raises Unavailable."""
        return self._clock.time_of(moment, self._query_time)

    def observe_now(self, moment: datetime) -> None:
        """Note the time that a statement has just returned, for which the database need not be queried then."""
        self._clock.observe(moment)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Open a connection without a transaction, for migrations; its errors are translated as in `write`."""
        with self._connection(self.engine) as connection:
            yield connection

    def most_connections(self, threads: int | None = None) -> int:
        """Return how many connections to PostgreSQL so many threads of this process open at most; 0 on SQLite."""
        return 0 if self.sqlite else KINDS * min(self._connections, threads or self._connections)

    def pooled(self) -> bool:
        """Return whether a pooler is between this host and PostgreSQL. Raises Unavailable."""
        with self.connection() as connection:
            return is_pooled(connection)

    def close(self) -> None:
        for engine in {self.engine, self._autocommit}:
            engine.dispose()
        if not self.sqlite:
            self._prepared.close()

    def _query_time(self) -> datetime:
        with self.read() as tx:
            return tx.now

    def _execute_one(
        self, statement: str, columns: Mapping[str, str], row: Row, others: Mapping[str, Any]
    ) -> list[tuple[Any, ...]]:
        query = psycopg_for_one(statement, tuple(columns.items()))
        return self._execute_prepared(query, {**row_for_postgres(row, columns), **others})

    def _execute_prepared(self, query: bytes, parameters: Row) -> list[tuple[Any, ...]]:
        try:
            return self._prepared.execute(query, parameters)
        except DRIVER_ERRORS as error:
            raise translated(error) from None

    def _execute_on_sqlite(self, query: str, parameters: Row) -> list[tuple[Any, ...]]:
        try:
            with closing(self.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
                cursor.execute(query, parameters)
                return list(cursor.fetchall())
        except DRIVER_ERRORS as error:
            raise translated(error) from None

    @contextmanager
    def _transaction(self, engine: Engine, **options: Any) -> Iterator[Transaction]:
        with self._connection(engine, **options) as connection, connection.begin():
            yield Transaction(connection, self.sqlite, self._clock, self.callbacks_enabled)

    @contextmanager
    def _connection(self, engine: Engine, **options: Any) -> Iterator[Connection]:
        try:
            with engine.connect() as connection:
                yield connection.execution_options(**options) if options else connection
        except DRIVER_ERRORS as error:
            raise translated(error) from None


@cache
def _probe_on_sqlite(query: str) -> TextClause:
    moments = [bindparam("now", type_=UTCDateTime())] if "{now}" in query else []
    return text(query.format(now=":now")).bindparams(*moments)


@cache
def _probe_on_postgres(query: str) -> bytes:
    return f"SELECT found.*, clock_timestamp() FROM ({query.format(now='now()')}) AS found".encode()


def _sqlite_values(rows: Sequence[Row], moments: Mapping[str, datetime]) -> Row:
    return {"rows": rows_for_sqlite(rows)} | sqlite_moments(moments)


def _postgres_values(rows: Sequence[Row], number: int, moments: Mapping[str, datetime]) -> Row:
    return {"rows": rows_for_postgres(rows), "number": number, **moments}
