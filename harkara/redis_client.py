"""Connections to Redis, and its errors in words that carry no content."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.retry import Retry

from harkara.errors import Unavailable


def connect(url: str, *, seconds: float) -> redis.Redis:
    """A connection that answers or fails within `seconds`, and never repeats a command behind our back.

    A repeated XADD would be harmless here, but ten of them, as redis-py does by default, take a minute.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=seconds,
        socket_connect_timeout=min(1.0, seconds),
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
        encoding_errors="replace",  # one entry that is no text must not make all others unreadable
    )


@contextmanager
def translated() -> Iterator[None]:
    """Without a cause: the words of redis-py quote the command, with the number and the text that it carries."""
    try:
        yield
    except OutOfMemoryError:
        raise Unavailable("Redis is full: it takes nothing until the workers have drained it") from None
    except ResponseError as error:
        code = str(error).rpartition("caused error: ")[2].partition(" ")[0]  # such as MISCONF
        raise Unavailable(f"Redis refuses ({code}): see its log") from None
    except RedisError as error:
        raise Unavailable(f"Redis did not answer ({type(error).__name__}): repeat with the same reference") from None
