"""The statements that a test executes, also those which the ledger executes beneath SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

_BESIDES = ("BEGIN", "SELECT 1", "SELECT clock_timestamp", "SELECT strftime")


class _Cursor(psycopg.Cursor[Any]):
    statements: ClassVar[list[str]] = []

    def execute(self, query: Any, *args: Any, **options: Any) -> Any:
        self.statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return super().execute(query, *args, **options)


@contextmanager
def executed_statements() -> Iterator[list[str]]:
    """Collect the statements of all threads until the end, then leave out BEGIN, pings and looks at the clock."""
    found: list[str] = []
    _Cursor.statements = found

    def add(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if connection.dialect.name == "sqlite":
            found.append(statement)

    listeners: list[tuple[type, str, Any]] = [
        (Pool, "checkout", lambda connection, *_: _set_cursors(connection, _Cursor)),
        (Pool, "checkin", lambda connection, *_: _set_cursors(connection, psycopg.Cursor)),
        (Engine, "before_cursor_execute", add),
    ]
    for listener in listeners:
        event.listen(*listener)
    try:
        yield found
    finally:
        for listener in listeners:
            event.remove(*listener)
        found[:] = [statement for statement in found if not statement.startswith(_BESIDES)]


def _set_cursors(connection: Any, cursors: type[psycopg.Cursor[Any]]) -> None:
    if isinstance(connection, psycopg.Connection):
        connection.cursor_factory = cursors
