"""Connections to Redis for an event loop."""

from __future__ import annotations

from typing import Any

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError

from harkara.redis_address import RedisAddress
from harkara.redis_client import connection_options


def connect(url: str, *, seconds: float) -> redis.Redis:
    """Return a client that answers, fails and leaves a replica as that of `harkara.redis_client` does."""
    address = RedisAddress.parse(url)
    options = connection_options(address, seconds)
    pool = redis.ConnectionPool(connection_class=_connection_class(address), retry=Retry(NoBackoff(), 0), **options)
    return redis.Redis.from_pool(pool)


def _connection_class(address: RedisAddress) -> type[Any]:
    if address.path is not None:
        return _LoopSocketConnection
    return _LoopConnection if address.tls is None else _LoopTlsConnection


class _LeavesReplicas:
    """A connection that is not used again once its server accepts no writes."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        connection: Any = super()
        try:
            return await connection.read_response(*args, **options)
        except ReadOnlyError:
            connection.mark_for_reconnect()
            raise


class _LoopConnection(_LeavesReplicas, redis.Connection):
    pass


class _LoopTlsConnection(_LeavesReplicas, redis.SSLConnection):
    pass


class _LoopSocketConnection(_LeavesReplicas, redis.UnixDomainSocketConnection):
    pass
