"""Asks the sentinels of Redis which server is the primary now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from harkara.redis_address import Sentinels
from harkara.redis_answers import PrimaryUnknown

QUESTION: Final = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME")

CONNECT_SECONDS: Final = 1.0
"""Of a connection that has no timeout of its own."""

ALL_REFUSED: Final = "no sentinel names the primary"

_first: dict[tuple[tuple[str, int], ...], int] = {}
"""The place of the sentinel to ask first, which answered last; the others may be dead, and each costs a timeout."""


class FindsPrimary:
    """A connection that asks the sentinels, if there are some, for its host and port each time it connects."""

    def __init__(self, *, sentinels: Sentinels | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._sentinels = sentinels

    def _connect(self) -> Any:
        connection: Any = super()
        if self._sentinels is None:
            return connection._connect()
        own: Any = self
        own.host, own.port = find_primary(self._sentinels, own.socket_connect_timeout)
        try:
            return connection._connect()
        except OSError:
            ask_another(self._sentinels)
            raise


def find_primary(sentinels: Sentinels, seconds: float | None) -> tuple[str, int]:
    """Return host and port of the primary by the first sentinel that names one; each has half of `seconds` to answer.

    Raises PrimaryUnknown, which hides the errors of the sentinels.
    """
    kind = redis.SSLConnection if "ssl_cert_reqs" in sentinels.options else redis.Connection
    for place, options in questions(sentinels, seconds):
        connection: Any = kind(**options, retry=Retry(NoBackoff(), 0))
        try:
            connection.send_command(*QUESTION, sentinels.service)
            answer = connection.read_response()
        except RedisError:
            continue
        finally:
            connection.disconnect()
        if answer:
            return answered(sentinels, place, answer)
    raise PrimaryUnknown(ALL_REFUSED)


def questions(sentinels: Sentinels, seconds: float | None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the place of each sentinel and the arguments of a connection to it, in the order in which to ask them."""
    first, timeout = _first.get(sentinels.hosts, 0), (seconds or CONNECT_SECONDS) / 2
    for turn in range(len(sentinels.hosts)):
        place = (first + turn) % len(sentinels.hosts)
        host, port = sentinels.hosts[place]
        yield (
            place,
            {
                "host": host,
                "port": port,
                "socket_timeout": timeout,
                "socket_connect_timeout": timeout,
                "decode_responses": True,
                **sentinels.options,
            },
        )


def answered(sentinels: Sentinels, place: int, answer: Any) -> tuple[str, int]:
    """Note the sentinel that answered; return host and port in its answer."""
    _first[sentinels.hosts] = place
    return str(answer[0]), int(answer[1])


def ask_another(sentinels: Sentinels) -> None:
    """Begin with another sentinel next time: the last answer may be outdated, since its server cannot be reached."""
    _first[sentinels.hosts] = (_first.get(sentinels.hosts, 0) + 1) % len(sentinels.hosts)
