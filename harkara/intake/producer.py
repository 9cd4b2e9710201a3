"""The producers' end of a stream, in steps."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final, cast
from uuid import uuid4

from redis.exceptions import ResponseError

from harkara.errors import Unavailable
from harkara.intake.entries import Verb, parse_position
from harkara.redis_client import REPEAT, redis_errors
from harkara.redis_eviction import EvictionCheck
from harkara.steps import Delay, RedisCommands, Steps

STREAM: Final = "harkara:intake"
GROUP: Final = "ledger"

WAKE_UP_SECONDS: Final = 60
"""Interval of wake-ups while no worker reads, so that they do not fill a Redis without workers.

A lost wake-up costs a second: every worker reads the intake every second without one.
"""

POLL_SECONDS: Final = 0.02


class NoWorkerAnswered(Unavailable):
    """Redis answers, and no worker has answered the request in time."""


class IntakeProducer:
    """Appends to a stream.

    An append is complete when `replicas` of the server have it, which takes `replica_seconds` at most.
    """

    def __init__(self, *, stream: str = STREAM, replicas: int = 0, replica_seconds: float = 1.0) -> None:
        self._stream = stream
        self._eviction = EvictionCheck()
        self._replicas = replicas
        self._replica_ms = max(1, int(1000 * replica_seconds))  # 0 would wait without end
        # A reader deletes the key before it reads: while the key is there, the entries are not missed.
        self._wake_up = ("SET", wake_up_key(stream), "1", "EX", WAKE_UP_SECONDS, "NX")

    def append(
        self,
        verb: Verb,
        payloads: Sequence[str],
        reply_to: str | None = None,
        valid_for: Sequence[timedelta | None] = (),
        traceparents: Sequence[str | None] = (),
    ) -> Steps[bool]:
        """Append entries, all or none; return whether the caller must wake a worker.

        `valid_for` and `traceparents` have a value for each payload, or none at all. Raises Unavailable, also when this
        Redis may delete the entries before a worker has committed them, and when too few replicas have them.
        """
        if not reply_to:
            yield from self._eviction.require_safe()
        entries = (self._entry(verb, reply_to, *each) for each in zip_longest(payloads, valid_for, traceparents))
        stored = yield from self._store((*entries, self._wake_up))
        return bool(stored[-1])

    def notify(self) -> Steps[bool]:
        """Return whether the caller must wake a worker, without an entry. Raises Unavailable."""
        with redis_errors():
            (stored,) = yield RedisCommands((self._wake_up,))
        return bool(stored)

    def request(
        self, verb: Verb, payload: str, wake: Callable[[], Steps[None]], seconds: float
    ) -> Steps[dict[str, Any]]:
        """Append an entry, call `wake` if needed, and wait for a worker's answer.

        Raises NoWorkerAnswered when none arrives within `seconds`, and Unavailable.
        """
        reply_to = f"harkara:answer:{uuid4().hex}"
        if (yield from self.append(verb, [payload], reply_to)):
            yield from wake()
        with redis_errors():
            (answer,) = yield RedisCommands((("BLPOP", reply_to, seconds),))
        if answer is None:
            raise NoWorkerAnswered(f"no worker answered within {seconds:g} s: is one running?")
        return cast(dict[str, Any], json.loads(answer[1]))

    def wait_for_readers(self, seconds: float) -> Steps[None]:
        """Wait until the entries that readers hold now are committed, or `seconds` have passed. Raises Unavailable."""
        end = time.monotonic() + seconds
        _, newest = yield from self._held()
        while time.monotonic() < end:
            oldest, _ = yield from self._held()
            if oldest is None or newest is None or oldest > newest:
                return
            yield Delay(POLL_SECONDS)

    def _entry(
        self, verb: Verb, reply_to: str | None, payload: str, valid: timedelta | None, traceparent: str | None
    ) -> tuple[Any, ...]:
        fields = {"verb": verb, "data": payload} | ({"reply_to": reply_to} if reply_to else {})
        fields |= {"valid_for": str(valid.total_seconds())} if valid else {}
        fields |= {"traceparent": traceparent} if traceparent else {}
        return "XADD", self._stream, "*", *_flat(fields)

    def _store(self, commands: tuple[tuple[Any, ...], ...]) -> Steps[list[Any]]:
        with redis_errors():
            if not self._replicas:
                return cast("list[Any]", (yield RedisCommands(commands, transaction=True)))
            # WAIT counts the writes of its own connection, and does not wait within a transaction of redis-py.
            wait = ("WAIT", self._replicas, self._replica_ms)
            *_, stored, copies = yield RedisCommands((("MULTI",), *commands, ("EXEC",), wait))
        if copies < self._replicas:
            raise Unavailable(f"{copies} of {self._replicas} replicas of Redis have the message: {REPEAT}")
        return cast("list[Any]", stored)

    def _held(self) -> Steps[tuple[tuple[int, int] | None, tuple[int, int] | None]]:
        """Positions of the oldest and the newest entry that a reader has and did not acknowledge."""
        with redis_errors():
            try:
                (held,) = yield RedisCommands((("XPENDING", self._stream, GROUP),))
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return None, None
        return parse_position(held["min"]), parse_position(held["max"])


def wake_up_key(stream: str) -> str:
    return f"{stream}:bell"


def _flat(fields: dict[str, str]) -> Iterator[str]:
    for pair in fields.items():
        yield from pair
