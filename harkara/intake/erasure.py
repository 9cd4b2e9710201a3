"""Redis in an erasure: what it holds about a person until the ledger has it, and the file of what it held before."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any, cast

import redis
from redis.exceptions import ResponseError

from harkara.backends.broker import QUEUES
from harkara.errors import Conflict
from harkara.intake.producer import STREAM
from harkara.intake.stream import WEBHOOKS
from harkara.people.mentions import Mentions
from harkara.redis_client import redis_errors

_PAGE = 1000
"""Entries in memory at a time."""

_UNACKNOWLEDGED = "unacked"
"""kombu's hash of the elements that a worker has taken and not acknowledged (kombu/transport/redis.py)."""


class RedisErasure:
    """The Redis of a deployment, as the receipt of an erasure names it."""

    name = "redis"

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection

    def check(self, person: Mentions) -> None:
        """Check that nothing in Redis mentions the person. Raises Conflict, and Unavailable."""
        with redis_errors():
            if any(person.in_text(each) for each in self._texts()):
                raise Conflict(
                    "Redis holds a call or webhook about this person that is not in the ledger yet: try again in a"
                    " minute, while workers run; nothing was erased"
                )

    def clean(self) -> str:
        """Rewrite Redis' append-only file, which has earlier calls; return what was done. Raises Unavailable."""
        with redis_errors():
            try:
                self._redis.bgrewriteaof()
            except ResponseError:
                return "refused to rewrite its append-only file: run BGREWRITEAOF there"
        return "rewrites its append-only file"

    def _texts(self) -> Iterator[str]:
        for stream in (STREAM, WEBHOOKS):
            yield from self._entries(stream)
        for queue in QUEUES:
            yield from map(_readable, self._elements(queue))
        for _tag, element in self._redis.hscan_iter(_UNACKNOWLEDGED, count=_PAGE):
            yield _readable(element)

    def _entries(self, stream: str) -> Iterator[str]:
        after = "-"
        while page := cast(Any, self._redis.xrange(stream, min=after, count=_PAGE)):
            yield from (json.dumps(fields) for _, fields in page)
            after = f"({page[-1][0]}"

    def _elements(self, queue: str) -> Iterator[str]:
        for start in range(0, self._redis.llen(queue), _PAGE):
            yield from cast("list[str]", self._redis.lrange(queue, start, start + _PAGE - 1))


def _readable(element: str) -> str:
    """Return the element of a queue with its body, which is Base64; of `unacked` it is the first of a list."""
    try:
        call = json.loads(element)
        body = (call[0] if isinstance(call, list) else call)["body"]
        return element + b64decode(body).decode("utf-8", "replace")
    except (ValueError, TypeError, LookupError):  # anyone can push anything
        return element
