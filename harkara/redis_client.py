"""Connections to Redis, and the one place where an error of Redis becomes `Unavailable`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry

from harkara.errors import Unavailable

REPEAT: Final = "repeat the call with the same reference"


def connect(url: str, *, seconds: float) -> redis.Redis:
    """Return a client whose commands answer or fail within `seconds`.

    The client does not retry: redis-py retries ten times by default, which takes a minute when Redis is away. After a
    failover it leaves a server that has become a replica.
    """
    client = redis.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=min(1.0, seconds),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        encoding_errors="replace",  # one entry that is not UTF-8 must not make all others unreadable
    )
    pool: Any = client.connection_pool
    pool.connection_class = type("FailoverConnection", (_LeavesReplicas, pool.connection_class), {})
    return client


class _LeavesReplicas:
    """A connection that is not used again once its server accepts no writes: the next command connects anew.

    A server that was demoted keeps its connections open, while its name already leads to its successor.
    """

    def read_response(self, *args: Any, **options: Any) -> Any:
        connection: Any = super()
        try:
            return connection.read_response(*args, **options)
        except ReadOnlyError:
            connection.mark_for_reconnect()  # when its command ends: a pipeline still has replies to read
            raise


@contextmanager
def redis_errors(
    action: str = "answer", advice: str = REPEAT, *, also: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Raise Unavailable in place of an error of redis-py, or of a type in `also`.

    The message reads "Redis did not ACTION (REASON): ADVICE". It repeats no text of redis-py and hides the cause:
    redis-py quotes the command, which contains phone numbers and texts.
    """
    translated: tuple[type[Exception], ...] = (RedisError, *also)
    try:
        yield
    except translated as error:
        raise Unavailable(f"Redis did not {action} ({_reason(error)}): {advice}") from None


def _reason(error: Exception) -> str:
    if isinstance(error, OutOfMemoryError):
        return "it is full until workers have drained it"
    if isinstance(error, ReadOnlyError):
        return "it is a replica and accepts no writes"
    if isinstance(error, ResponseError):
        return f"{_code(error)}, see its log"
    return type(error).__name__


def _code(error: ResponseError) -> str:
    """The first word of the error that Redis names, such as MISCONF; a pipeline puts the command before it.

    redis-py removes this word where it has an exception of its own for it, such as NoPermissionError.
    """
    if type(error) is not ResponseError:
        return type(error).__name__
    return str(error).rpartition("caused error: ")[2].partition(" ")[0]
