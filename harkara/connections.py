"""The connections of a client to Redis: one with the time of a call, and one with less, for what a call asks before."""

from __future__ import annotations

import redis
import redis.asyncio

from harkara import redis_loop_client
from harkara.redis_client import connect

_CALL, _QUICK = 0.9, 0.4
"""Parts of a call's timeout. What remains covers the work outside Redis."""


class SyncConnections:
    """Connections that block."""

    def __init__(self, redis_url: str, seconds: float) -> None:
        self._call = connect(redis_url, seconds=_CALL * seconds)
        self._quick = connect(redis_url, seconds=_QUICK * seconds)

    def get(self, *, quick: bool) -> redis.Redis:
        return self._quick if quick else self._call

    def close(self) -> None:
        self._call.close()
        self._quick.close()


class LoopConnections:
    """Connections of one event loop, which is that of their first command."""

    def __init__(self, redis_url: str, seconds: float) -> None:
        self._call = redis_loop_client.connect(redis_url, seconds=_CALL * seconds)
        self._quick = redis_loop_client.connect(redis_url, seconds=_QUICK * seconds)

    def get(self, *, quick: bool) -> redis.asyncio.Redis:
        return self._quick if quick else self._call

    async def close(self) -> None:
        await self._call.aclose()
        await self._quick.aclose()
