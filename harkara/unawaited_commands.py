"""Commands to Redis that are sent without waiting: the answer to one is read before the next."""

from __future__ import annotations

import os
from collections import deque
from typing import Any

import redis
from redis.exceptions import RedisError, ResponseError, TimeoutError


class UnawaitedCommands:
    """Sends commands without waiting for their answers. Threads do not wait for each other.

    A connection owes at most one answer: closing it with an unread one resets it, and with it a command that Redis has
    not read yet.
    """

    def __init__(self, pool: redis.ConnectionPool) -> None:
        self._pool = pool
        self._owing: deque[Any] = deque()
        self._process = os.getpid()

    def send(self, *command: str) -> None:
        """Send a command. Raises RedisError when Redis takes no bytes, or refused the command before this one."""
        self._leave_those_of_the_parent()
        try:
            connection = self._owing.pop()
        except IndexError:
            connection = self._pool.make_connection()
            refused = None
        else:
            refused = _read_answer(connection)
        try:
            connection.send_command(*command)
        except BaseException:
            connection.disconnect()
            raise
        self._owing.append(connection)
        if refused:
            raise refused

    def close(self) -> None:
        """Read the last answers, and close the connections."""
        self._leave_those_of_the_parent()
        while self._owing:
            connection = self._owing.pop()
            try:
                _read_answer(connection)
            except RedisError:
                pass
            connection.disconnect()

    def _leave_those_of_the_parent(self) -> None:
        """After a fork, read no answer of the parent process, and close none of its connections."""
        if self._process != os.getpid():
            self._owing, self._process = deque(), os.getpid()


def _read_answer(connection: Any) -> ResponseError | None:
    """Read the answer to the command before, and return the error that it is.

    A connection that has failed meanwhile connects anew with the next command. Raises TimeoutError.
    """
    try:
        connection.read_response()
        stale = connection.can_read()
    except ResponseError as error:
        connection.disconnect()  # a replica refuses every write, and a new connection leads to its successor
        return error
    except TimeoutError:
        connection.disconnect()
        raise
    except RedisError:
        stale = True
    if stale:
        connection.disconnect()
    return None
