"""Connections to Redis for an event loop."""

from __future__ import annotations

from typing import Any

from redis import asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError

from harkara.redis_address import RedisAddress, Sentinels
from harkara.redis_answers import PrimaryUnknown
from harkara.redis_client import connection_options
from harkara.redis_sentinels import ALL_REFUSED, QUESTION, answered, ask_another, questions


def connect(url: str, *, seconds: float) -> redis.Redis:
    """Return a client that answers, fails and leaves a replica as that of `harkara.redis_client` does."""
    address = RedisAddress.parse(url)
    options = connection_options(address, seconds)
    pool = _Pool(connection_class=_connection_class(address), retry=Retry(NoBackoff(), 0), **options)
    return redis.Redis.from_pool(pool)


def _connection_class(address: RedisAddress) -> type[Any]:
    if address.path is not None:
        return _LoopSocketConnection
    return _LoopConnection if address.tls is None else _LoopTlsConnection


class _Pool(redis.ConnectionPool):
    """Drops its idle connections when one in use was lost."""

    async def release(self, connection: Any) -> None:
        await super().release(connection)
        if not connection.is_connected:
            await self.disconnect(inuse_connections=False)


class _LeavesReplicas:
    """A connection that is not used again once its server accepts no writes."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        connection: Any = super()
        try:
            return await connection.read_response(*args, **options)
        except ReadOnlyError:
            connection.mark_for_reconnect()
            raise


class _FindsPrimary:
    """A connection that asks the sentinels, if there are some, for its host and port each time it connects."""

    def __init__(self, *, sentinels: Sentinels | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._sentinels = sentinels

    async def _connect(self) -> None:
        connection: Any = super()
        if self._sentinels is None:
            await connection._connect()
            return
        own: Any = self
        own.host, own.port = await _find_primary(self._sentinels, own.socket_connect_timeout)
        try:
            await connection._connect()
        except (OSError, TimeoutError):
            ask_another(self._sentinels)
            raise


async def _find_primary(sentinels: Sentinels, seconds: float | None) -> tuple[str, int]:
    kind = redis.SSLConnection if "ssl_cert_reqs" in sentinels.options else redis.Connection
    for place, options in questions(sentinels, seconds):
        connection: Any = kind(**options, retry=Retry(NoBackoff(), 0))
        try:
            await connection.send_command(*QUESTION, sentinels.service)
            answer = await connection.read_response()
        except RedisError:
            continue
        finally:
            await connection.disconnect()
        if answer:
            return answered(sentinels, place, answer)
    raise PrimaryUnknown(ALL_REFUSED)


class _LoopConnection(_LeavesReplicas, _FindsPrimary, redis.Connection):
    pass


class _LoopTlsConnection(_LeavesReplicas, _FindsPrimary, redis.SSLConnection):
    pass


class _LoopSocketConnection(_LeavesReplicas, redis.UnixDomainSocketConnection):
    pass
