"""Carries out steps in an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from harkara.steps import Call, Delay, RedisCommands, Request, Steps

if TYPE_CHECKING:  # the connections are given
    import redis.asyncio

T = TypeVar("T")


class AsyncConnections(Protocol):
    """The connections of a client of an event loop."""

    def get(self, *, quick: bool) -> redis.asyncio.Redis: ...


async def run_async(steps: Steps[T], connections: AsyncConnections | None) -> T:
    """Carry out the steps in this event loop and return their result; a function that blocks runs in a thread."""
    reply, error = None, None
    while True:
        try:
            request = steps.throw(error) if error else steps.send(reply)
        except StopIteration as stop:
            return cast(T, stop.value)
        reply, error = None, None
        try:
            reply = await _execute_async(request, connections)
        except Exception as raised:
            error = raised


async def _execute_async(request: Request, connections: AsyncConnections | None) -> Any:
    match request:
        case RedisCommands(commands, transaction, quick) if connections:
            async with connections.get(quick=quick).pipeline(transaction=transaction) as pipe:
                for command in commands:
                    cast(Any, pipe).execute_command(*command)
                return await pipe.execute()
        case Delay(seconds):
            return await asyncio.sleep(seconds)
        case Call(function):
            return await asyncio.to_thread(function)
    raise TypeError("commands for Redis in a client without Redis")
