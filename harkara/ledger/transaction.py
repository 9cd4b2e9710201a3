"""An open transaction of the ledger, on SQLite or PostgreSQL."""

from __future__ import annotations

import json
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    String,
    Subquery,
    Table,
    cast,
    column,
    func,
    literal,
    select,
)

from harkara.ledger.clock import Clock
from harkara.ledger.for_each import (
    in_utc,
    psycopg_for_each,
    rows_for_postgres,
    rows_for_sqlite,
    runs_for_postgres,
    runs_for_sqlite,
    sqlalchemy_for_each,
)

Row = dict[str, Any]
Rows = CursorResult[*tuple[Any, ...]]
T = TypeVar("T")


@dataclass
class Transaction:
    """An open transaction and the database's time in it."""

    connection: Connection
    sqlite: bool
    clock: Clock
    callbacks_enabled: bool = False
    _now: datetime | None = None

    @property
    def now(self) -> datetime:
        """The database's time, read once: every lease and due date of this transaction is measured from it."""
        # No cached_property: in Python 3.11 all transactions would share its lock, and the ones that have a session of
        # a pooler would wait for one that waits for a session.
        if self._now is None:
            self._now = self.clock.now(self._query_time)
        return self._now

    def time_of(self, moment: float) -> datetime:
        """Return the database's time at a past moment of `time.monotonic()` of this process."""
        return min(self.clock.time_of(moment, self._query_time), self.now)

    def _query_time(self) -> datetime:
        clock = func.strftime("%Y-%m-%d %H:%M:%f", "now") if self.sqlite else func.clock_timestamp()
        moment = self.connection.execute(select(clock)).scalar_one()
        return from_sql(moment) if isinstance(moment, str) else typing.cast(datetime, moment).astimezone(UTC)

    def execute(self, statement: Executable, parameters: Row | Sequence[Row] | None = None) -> Rows:
        return self.connection.execute(statement, parameters)

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
        """Run one statement for many rows, and return the rows of its result.

        `{each}` in it is a table of `rows` with these columns (name: SQL type). A moment in a row is written with its
        offset, so its meaning does not depend on the zone of the session. `{skip_locked}` in a subquery of `message`
        locks its rows and skips those that are locked already. `returning` gives the types of the returned columns,
        and `texts` are further parameters.
        """
        if self.sqlite:
            prepared = sqlalchemy_for_each(statement, tuple(columns), returning, tuple(moments))
            result = self.execute(prepared, {"rows": rows_for_sqlite(rows), **texts, **moments})
            return [tuple(row) for row in result] if result.returns_rows else []
        # Beneath SQLAlchemy, whose layers take a quarter of the CPU of a message's writes.
        query = psycopg_for_each(statement, tuple(columns.items()))
        cursor: Any = self.connection.connection.cursor()
        with cursor:
            cursor.execute(query, {"rows": rows_for_postgres(rows), "number": len(rows), **texts, **moments})
            # `description` would be parsed for this question alone.
            found = [] if cursor.rownumber is None else cursor.fetchall()
        return in_utc(found, returning)

    def execute_runs(
        self, statement: str, common: Mapping[str, str], own: Mapping[str, str], rows: Sequence[Row]
    ) -> list[tuple[Any, ...]]:
        """Run a statement as `Database.execute_runs` does, within this transaction; return the driver's values."""
        shorter = runs_for_sqlite if self.sqlite else runs_for_postgres
        query, parameters = shorter(statement, common, own, rows)
        cursor: Any = self.connection.connection.cursor()
        with closing(cursor):
            cursor.execute(query, parameters)
            return list(cursor.fetchall())

    def listed(self, ids: Collection[str]) -> Subquery:
        """Return these ids as a table with the column `id`, in their order, whose join finds each row by its index.

        For many ids in an IN, PostgreSQL would read a table as a whole, and SQLAlchemy binds each of them.
        """
        given = literal(json.dumps(sorted(set(ids))), String)
        values = func.json_each(given) if self.sqlite else func.json_array_elements_text(cast(given, JSON))
        each = values.table_valued(column("value", String))
        # The limit gives the planner their number.
        return select(each.c.value.label("id")).limit(len(ids)).subquery("listed")

    def load(self, kind: Callable[..., T], statement: Executable) -> list[T]:
        """Run a query and return one `kind` for each row, made of the row's values in their order."""
        return [kind(*row) for row in self.execute(statement)]

    def lock(self, name: str) -> None:
        """Hold the lock of this name until the transaction ends; of several, take them in the order of their names.

        SQLite needs none, since its transactions for writes follow each other.
        """
        if not self.sqlite:
            number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
            self.execute(select(func.pg_advisory_xact_lock(number)))

    def insert(self, table: Table) -> Any:
        """Return an INSERT in the dialect of the database, which has ON CONFLICT."""
        dialect: Any = import_module(f"sqlalchemy.dialects.{self.connection.dialect.name}")  # it is loaded already
        return dialect.insert(table)

    def insert_new(self, table: Table) -> Any:
        """Return an INSERT that skips rows which exist already (ON CONFLICT DO NOTHING, in either dialect)."""
        return self.insert(table).on_conflict_do_nothing()

    def rows(self, statement: Executable, parameters: Row | Sequence[Row] | None = None) -> list[Row]:
        return [dict(row) for row in self.execute(statement, parameters).mappings()]


def from_sql(text: str) -> datetime:
    """Parse a moment that a database wrote as text: SQLite in UTC without an offset, PostgreSQL in any zone."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
