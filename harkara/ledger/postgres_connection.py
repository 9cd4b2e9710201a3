"""Opens connections to PostgreSQL, directly or through a pooler that shares its sessions among clients."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import OperationalError, errors

_REFUSED = "startup parameter"
"""In the error of a pooler that accepts no settings when a session starts (PgBouncer, `ignore_startup_parameters`)."""

_MARK = "harkara.session"
"""A setting of our own, by which a connection recognizes that its session has got our settings."""


class PostgresConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server whose host answers but which itself does not.

    Such a server was stopped, or is behind a proxy that lost it. `pooled` says that a pooler is in between: the next
    transaction may run in another session, so nothing may be left in one.
    """

    answer_timeout = 30.0
    pooled = False

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, min(timeout or self.answer_timeout, self.answer_timeout))
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise


class SessionConnector:
    """Opens connections with these `settings` of their sessions, if the server or the pooler accepts settings."""

    def __init__(self, settings: dict[str, str | int], answer_timeout: float) -> None:
        self._options = " ".join(f"-c {name}={value}" for name, value in (settings | {_MARK: 1}).items())
        self._answer_timeout = answer_timeout
        self._refused = False

    def connect(self, *args: Any, **options: Any) -> PostgresConnection:
        """Open a connection. Raises psycopg.OperationalError."""
        connection = self._open(*args, **options)
        connection.answer_timeout = self._answer_timeout
        if self._refused or _is_pooled(connection):
            connection.pooled = True
            connection.prepare_threshold = None  # a prepared statement belongs to one session
        return connection

    def _open(self, *args: Any, **options: Any) -> PostgresConnection:
        if not self._refused:
            own = options | {"options": f"{options.get('options', '')} {self._options}".strip()}
            try:
                return PostgresConnection.connect(*args, **own)
            except OperationalError as error:
                if _REFUSED not in str(error):
                    raise
            self._refused = True
        return PostgresConnection.connect(*args, **options)


def _is_pooled(connection: PostgresConnection) -> bool:
    """Whether the session belongs to a pooler: it has another process than the client knows, or no settings."""
    query = f"SELECT pg_backend_pid(), current_setting('{_MARK}', true)"
    pid, mark = connection.execute(query, prepare=False).fetchone() or (None, None)
    connection.rollback()
    return pid != connection.info.backend_pid or mark != "1"
