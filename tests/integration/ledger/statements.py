"""The statements that a test executes, also those which the ledger executes beneath SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import Pool

_BESIDES = ("BEGIN", "COMMIT", "SELECT 1", "SELECT clock_timestamp", "SELECT strftime")


class _Cursor(psycopg.Cursor[Any]):
    statements: ClassVar[list[str]] = []

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        self.statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return super().execute(query, *args, **options)


@contextmanager
def listener(target: Any, name: str, function: Callable[..., Any]) -> Iterator[None]:
    """Call a function at each event of SQLAlchemy with this name, until the end: other tests use the same engine."""
    event.listen(target, name, function)
    try:
        yield
    finally:
        event.remove(target, name, function)


@contextmanager
def executed_statements() -> Iterator[list[str]]:
    """Collect the statements of all threads until the end, then leave out BEGIN, pings and looks at the clock."""
    found: list[str] = []
    _Cursor.statements = found

    def watch(connection: Any, *_: Any) -> None:
        _watch(connection, _Cursor, found.append)

    def leave(connection: Any, *_: Any) -> None:
        _watch(connection, psycopg.Cursor, None)

    with listener(Pool, "checkout", watch), listener(Pool, "checkin", leave):
        yield found
    found[:] = [statement for statement in found if not statement.lstrip().startswith(_BESIDES)]


def _watch(connection: Any, cursors: type[psycopg.Cursor[Any]], add: Callable[[str], None] | None) -> None:
    if isinstance(connection, psycopg.Connection):
        connection.cursor_factory = cursors
    elif isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(add)
