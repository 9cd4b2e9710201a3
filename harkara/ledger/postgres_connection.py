"""Opens connections to PostgreSQL, directly or through a pooler that shares its sessions among clients."""

from __future__ import annotations

from functools import partial
from typing import Any

import psycopg
from psycopg import OperationalError, errors
from psycopg.errors import Diagnostic

IDLE_SECONDS = 1.0
"""A connection that was idle for longer is tested before it is used."""

_REFUSALS = ("startup parameter", "command-line options")
"""In the error of a pooler that accepts no settings when a session starts: PgBouncer's (`ignore_startup_parameters`)
and that of Amazon RDS Proxy.
"""

DEFAULT_PORT = "5432"

_SYNC_WAIT = "SyncRepWaitForLSN"
"""The function of the server that warns of a commit whose wait for a standby was cancelled (its syncrep.c).

The text of the warning depends on the server's language; its SQLSTATE is that of every warning.
"""

_MARK = "harkara.session"
"""A setting of our own, by which a connection recognizes that its session has got our settings."""


class NotReplicated(OperationalError):
    """PostgreSQL has committed a transaction that no standby may have: a failover now would lose it."""


class PostgresConnection(psycopg.Connection[Any]):
    """A connection that gives up on a server whose host answers but which itself does not.

    Such a server was stopped, or is behind a proxy that lost it. `pooled` says that a pooler is in between: the next
    transaction may run in another session, so nothing may be left in one.

    A commit whose wait for a standby was cancelled raises NotReplicated: PostgreSQL answers it with a mere warning.
    """

    answer_timeout = 30.0
    pooled = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unreplicated: list[Diagnostic] = []
        # Without a reference to the connection, which would then not be freed at once.
        self.add_notice_handler(partial(_note_unreplicated, self._unreplicated))

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            answer = super().wait(gen, interval, min(timeout or self.answer_timeout, self.answer_timeout))
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise
        if self._unreplicated:
            self._unreplicated.clear()
            raise NotReplicated("the wait for a standby was cancelled, so a failover may lose the commit")
        return answer

    def answers(self) -> bool:
        """Return whether the session still exists. Raises when the server is unresponsive, as a new one would be."""
        try:
            self.query("SELECT 1")
        except errors._WaitTimeout:
            raise
        except psycopg.Error:
            return False
        return True

    def query(self, query: str) -> tuple[Any, ...] | None:
        """Return the first row of a query outside of a transaction, which would take two more round trips.

        After an error the connection is of no use.
        """
        usual = self.autocommit
        self.autocommit = True
        row: tuple[Any, ...] | None = self.execute(query, prepare=False).fetchone()
        self.autocommit = usual
        return row


def _note_unreplicated(found: list[Diagnostic], diagnostic: Diagnostic) -> None:
    if diagnostic.source_function == _SYNC_WAIT:
        found.append(diagnostic)


class SessionConnector:
    """Opens connections with these `settings` of their sessions, if the server or the pooler accepts settings."""

    def __init__(self, settings: dict[str, str | int], answer_timeout: float) -> None:
        self._options = " ".join(f"-c {name}={value}" for name, value in (settings | {_MARK: 1}).items())
        self._answer_timeout = answer_timeout
        self._refused = False
        self._last: tuple[str, str] | None = None

    def connect(self, *args: Any, **options: Any) -> PostgresConnection:
        """Open a connection. Raises psycopg.OperationalError."""
        connection = self._open(*args, **options)
        connection.answer_timeout = self._answer_timeout
        if self._refused or not _is_own_session(connection):
            connection.pooled = True
            connection.prepare_threshold = None  # a prepared statement belongs to one session
        return connection

    def _open(self, *args: Any, **options: Any) -> PostgresConnection:
        options = self._last_first(options)
        if not self._refused:
            own = options | {"options": f"{options.get('options', '')} {self._options}".strip()}
            try:
                return self._noted(PostgresConnection.connect(*args, **own))
            except OperationalError as error:
                if not any(refusal in str(error) for refusal in _REFUSALS):
                    raise
            self._refused = True
        return self._noted(PostgresConnection.connect(*args, **options))

    def _noted(self, connection: PostgresConnection) -> PostgresConnection:
        self._last = connection.info.host, str(connection.info.port)
        return connection

    def _last_first(self, options: dict[str, Any]) -> dict[str, Any]:
        """Put the server that was reached last before the others: a dead one before it would cost a timeout each time.

        Several hosts and ports have commas between them, as in libpq.
        """
        hosts, ports = (str(options.get(name) or "").split(",") for name in ("host", "port"))
        if len(hosts) == 1:
            return options
        servers = list(zip(hosts, ports if len(ports) > 1 else ports * len(hosts), strict=True))
        servers.sort(key=lambda server: (server[0], server[1] or DEFAULT_PORT) != self._last)
        return options | {"host": ",".join(host for host, _ in servers), "port": ",".join(port for _, port in servers)}


def _is_own_session(connection: PostgresConnection) -> bool:
    """Return whether the session is the client's own.

    The session of a pooler has another process than the client knows, or lacks the client's settings.
    """
    pid, mark = connection.query(f"SELECT pg_backend_pid(), current_setting('{_MARK}', true)") or (None, None)
    return bool(pid == connection.info.backend_pid and mark == "1")
