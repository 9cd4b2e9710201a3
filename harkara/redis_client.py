"""Connections to Redis, and the one place where an error of Redis becomes `Unavailable`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError
from redis.retry import Retry

from harkara.errors import Unavailable
from harkara.redis_address import RedisAddress
from harkara.redis_answers import refusal_of
from harkara.redis_sentinels import FindsPrimary

REPEAT: Final = "repeat the call with the same reference"

_WRITABLE: Final = "harkara:writable"
"""A key that is written only to see whether Redis accepts it."""


def connect(url: str, *, seconds: float) -> redis.Redis:
    """Return a client whose commands answer or fail within `seconds`.

    The client does not retry: redis-py retries ten times by default, which takes a minute when Redis is away. After a
    failover it leaves a server that has become a replica; with sentinels, it asks them for the primary. Raises Invalid
    for a URL that RedisAddress does not read.
    """
    address = RedisAddress.parse(url)
    return redis.Redis.from_pool(
        _Pool(
            connection_class=_connection_class(address),
            retry=Retry(NoBackoff(), 0),
            **connection_options(address, seconds),
        )
    )


def _connection_class(address: RedisAddress) -> type[Any]:
    if address.path is not None:
        return _FailoverSocketConnection
    return FailoverConnection if address.tls is None else FailoverTlsConnection


def connection_options(address: RedisAddress, seconds: float) -> dict[str, Any]:
    """Return the arguments of a connection that blocks, or of one of an event loop."""
    return {
        "socket_timeout": seconds,
        "socket_connect_timeout": min(1.0, seconds),
        "decode_responses": True,
        "encoding_errors": "replace",  # one entry that is not UTF-8 must not make all others unreadable
        **({"socket_keepalive": True} if address.path is None else {}),
        **address.connection_options,
    }


class _Pool(redis.ConnectionPool):
    """Drops its idle connections when one in use was lost: those to a dead host would cost a timeout each."""

    def release(self, connection: Any) -> None:
        super().release(connection)
        if connection._sock is None:
            self.disconnect(inuse_connections=False)


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


class FailoverConnection(_LeavesReplicas, FindsPrimary, redis.Connection):
    """A connection to the server of an address, or to the primary that its sentinels name."""


class FailoverTlsConnection(_LeavesReplicas, FindsPrimary, redis.SSLConnection):
    """The same with TLS."""


class _FailoverSocketConnection(_LeavesReplicas, redis.UnixDomainSocketConnection):
    pass


@contextmanager
def redis_errors(
    action: str = "answer", advice: str | None = REPEAT, *, also: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Raise Unavailable in place of an error of redis-py, or of a type in `also`.

    The message reads "Redis did not ACTION (REASON): ADVICE"; without advice, it has what an operator does about the
    reason. It repeats no text of redis-py and hides the cause:
    redis-py quotes the command, which contains phone numbers and texts.
    """
    translated: tuple[type[Exception], ...] = (RedisError, *also)
    try:
        yield
    except translated as error:
        raise redis_unavailable(error, action, advice) from None


def redis_unavailable(error: BaseException, action: str = "answer", advice: str | None = REPEAT) -> Unavailable:
    """Return the Unavailable to raise in place of an error of redis-py."""
    refusal = refusal_of(error)
    unavailable = Unavailable(f"Redis did not {action} ({refusal.reason}): {advice or refusal.next_step}")
    unavailable.outage = f"Redis: {refusal.reason}; {refusal.next_step}. Nothing is lost, and work continues by itself"
    return unavailable


def require_writable(connection: redis.Redis) -> None:
    """Check that Redis answers and accepts writes. Raises Unavailable."""
    with redis_errors("accept a write", "nothing is sent until it does, and nothing is lost"):
        connection.set(_WRITABLE, "1", px=1000)
