"""Eviction: whether a Redis deletes messages that no worker has committed, to make room for other keys."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import redis
from redis.exceptions import ResponseError

from harkara.errors import Unavailable
from harkara.redis_client import redis_errors
from harkara.steps import RedisCommands, Steps

CHECK_SECONDS: Final = 60.0
"""How long a check of the policy counts; it may be changed while the server runs."""

NEXT_STEP: Final = "set maxmemory-policy noeviction"


def eviction_problem(connection: redis.Redis) -> str | None:
    """Return why this Redis may delete a stream or a queue; None if it does not. Raises Unavailable.

    Only the policies `allkeys-…` delete keys without a lifetime, and only with a `maxmemory` (Valkey documentation,
    "Key eviction"). A server that does not report its policy counts as safe.
    """
    with redis_errors():
        try:
            memory = connection.info("memory")
        except ResponseError:
            return None
    return _problem(memory)


class EvictionCheck:
    """Refuses to store messages in a Redis that may delete them; asks the server once in CHECK_SECONDS."""

    def __init__(self) -> None:
        self._check_at = 0.0

    def require_safe(self) -> Steps[None]:
        """Raise Unavailable if the server may delete messages, and if it does not answer."""
        now = time.monotonic()
        if now < self._check_at:
            return
        if problem := (yield from self._find_problem()):
            raise Unavailable(f"{problem}, then repeat the call with the same reference")
        self._check_at = now + CHECK_SECONDS

    def _find_problem(self) -> Steps[str | None]:
        with redis_errors():
            try:
                (memory,) = yield RedisCommands((("INFO", "memory"),))
            except ResponseError:
                return None
        return _problem(memory)


def _problem(memory: Mapping[str, Any]) -> str | None:
    policy = str(memory.get("maxmemory_policy", ""))
    if not policy.startswith("allkeys") or not memory.get("maxmemory"):
        return None
    return f"this Redis deletes messages when its memory is full (maxmemory-policy {policy}): {NEXT_STEP}"
