"""The statements that a test executes, also those which the ledger executes beneath SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import Pool

_BESIDES = ("BEGIN", "COMMIT", "SELECT 1", "SELECT clock_timestamp", "SELECT strftime")


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
    in_use: set[int] = set()
    cursors: Any = psycopg.Cursor
    execute = cursors.execute

    def noted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        if isinstance(query, bytes):  # on a connection beneath SQLAlchemy, which has no events
            found.append(query.decode())
        elif id(cursor.connection) in in_use:
            found.append(str(query))
        return execute(cursor, query, *args, **options)

    def begin(connection: Any, *_: Any) -> None:
        in_use.add(id(connection))
        _trace(connection, found.append)

    def end(connection: Any, *_: Any) -> None:
        in_use.discard(id(connection))
        _trace(connection, None)

    cursors.execute = noted
    try:
        with listener(Pool, "checkout", begin), listener(Pool, "checkin", end):
            yield found
    finally:
        cursors.execute = execute
    found[:] = [statement for statement in found if not statement.lstrip().startswith(_BESIDES)]


def _trace(connection: Any, add: Callable[[str], None] | None) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(add)
