"""Calls to Redis and the ledger as steps, which a thread or an event loop carries out: the logic is written once.

A function of steps is a generator. It yields a request, and is sent the result or gets the exception thrown in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

if TYPE_CHECKING:  # the connections are given: building messages needs no client of Redis
    import redis

T = TypeVar("T")


class RedisCommands(NamedTuple):
    """Commands for Redis in one round trip; the result is the list of their replies.

    With `quick`, Redis has less time to answer, since a call asks for more than this.
    """

    commands: tuple[tuple[Any, ...], ...]
    transaction: bool = False
    quick: bool = False


class Delay(NamedTuple):
    """A wait of so many seconds."""

    seconds: float


class Call(NamedTuple):
    """A function that blocks; the result is what it returns."""

    function: Callable[[], Any]


Request = RedisCommands | Delay | Call
Steps = Generator[Request, Any, T]


class Connections(Protocol):
    """The connections of a client that blocks."""

    def get(self, *, quick: bool) -> redis.Redis: ...


def run(steps: Steps[T], connections: Connections | None) -> T:
    """Carry out the steps in this thread and return their result; without connections they are all of the ledger."""
    reply, error = None, None
    while True:
        try:
            request = steps.throw(error) if error else steps.send(reply)
        except StopIteration as stop:
            return cast(T, stop.value)
        reply, error = None, None
        try:
            reply = _execute(request, connections)
        except Exception as raised:
            error = raised


def _execute(request: Request, connections: Connections | None) -> Any:
    match request:
        case RedisCommands(commands, transaction, quick) if connections:
            with connections.get(quick=quick).pipeline(transaction=transaction) as pipe:
                for command in commands:
                    cast(Any, pipe).execute_command(*command)
                return pipe.execute()
        case Delay(seconds):
            return time.sleep(seconds)
        case Call(function):
            return function()
    raise TypeError("commands for Redis in a client without Redis")
