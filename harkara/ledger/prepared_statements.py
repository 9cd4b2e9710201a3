"""Connections to PostgreSQL for single prepared statements, beneath SQLAlchemy."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import TimeoutError as PoolTimeout

from harkara.ledger.postgres_connection import IDLE_SECONDS, PostgresConnection

_IN_NO_TRANSACTION = TransactionStatus.IDLE


class _IdleCursor(NamedTuple):
    """The cursor of a connection that no thread uses, and since when (`time.monotonic()`)."""

    cursor: psycopg.Cursor[Any]
    since: float


class PreparedStatements:
    """Runs statements that commit by themselves, each on a connection to itself: the one that was used last.

    It has `size` connections at most, and a statement waits up to `seconds` for one. With SQLAlchemy's pool instead,
    accepting one message takes a client a sixth more CPU.
    """

    def __init__(self, connect: Callable[[], PostgresConnection], size: int, seconds: float) -> None:
        self._connect = connect
        self._size = size
        self._seconds = seconds
        self._begin_in_this_process()

    def execute(self, query: bytes, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of the result. Raises psycopg.Error, and sqlalchemy.exc.TimeoutError without a connection."""
        if self._process != os.getpid():
            self._begin_in_this_process()
        permits = self._permits
        try:
            permits.get(timeout=self._seconds)
        except Empty:
            raise PoolTimeout from None
        try:
            return self._execute(query, parameters)
        finally:
            permits.put(None)

    def close(self) -> None:
        """Close the connections that no thread uses."""
        with suppress(IndexError):
            while True:
                self._idle.pop().cursor.connection.close()

    def _execute(self, query: bytes, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        cursor = self._cursor()
        try:
            cursor.execute(query, parameters)
            return cursor.fetchall()
        finally:
            if cursor.connection.pgconn.transaction_status == _IN_NO_TRANSACTION and len(self._idle) < self._size:
                self._idle.append(_IdleCursor(cursor, time.monotonic()))
            else:
                cursor.connection.close()

    def _cursor(self) -> psycopg.Cursor[Any]:
        """Return the cursor of the connection that was used last, or of a new one."""
        while self._idle:
            try:
                cursor, since = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            connection: Any = cursor.connection
            # A restarted server is noticed before the statement; busy connections are not tested.
            if time.monotonic() - since <= IDLE_SECONDS or connection.answers():
                return cursor
            connection.close()
        return self._connect().cursor()

    def _begin_in_this_process(self) -> None:
        """After a fork, leave the connections to the parent process."""
        self._idle: deque[_IdleCursor] = deque()
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(self._size):
            self._permits.put(None)
        self._process = os.getpid()
