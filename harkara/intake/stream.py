"""The intake: a Redis Stream in which producers without a database hand over, as durable as Redis' disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast
from uuid import uuid4

import redis
from redis.exceptions import OutOfMemoryError, ResponseError

from harkara.errors import Unavailable
from harkara.redis_client import redis_errors

STREAM: Final = "harkara:intake"
WEBHOOKS: Final = "harkara:webhooks"
"""Where webhooks wait while the database is away."""
GROUP: Final = "ledger"

BELL_SECONDS: Final = 60
"""A ring that nobody answers is not repeated sooner, so that rings do not fill a Redis without workers.

One that is lost costs a second: every worker looks into the intake by itself.
"""

ABANDONED_SECONDS: Final = 10.0
"""An entry that its reader has held so long without committing belongs to the next reader."""

ANSWER_SECONDS: Final = 30
"""An answer that nobody fetches disappears."""

Verb = Literal["send", "cancel", "status", "save-occasion", "cancel-occasion", "complete-occasion", "wish", "webhook"]


@dataclass(frozen=True, slots=True)
class IntakeEntry:
    """One thing that a producer wants. `reply_to` names the list in which it waits for an answer."""

    stream_id: str
    verb: str
    data: str
    reply_to: str | None


class Intake:
    """Both ends of a stream; `reader` names the process that reads."""

    def __init__(
        self,
        connection: redis.Redis,
        reader: str = "",
        *,
        stream: str = STREAM,
        abandoned_seconds: float = ABANDONED_SECONDS,
    ) -> None:
        self._redis = connection
        self._reader = reader
        self._stream = stream
        self._bell = f"{stream}:bell"
        self._abandoned_ms = int(1000 * abandoned_seconds)

    def append(self, verb: Verb, payloads: Sequence[str], reply_to: str | None = None) -> bool:
        """Adds entries; returns whether the bell should be rung. Raises Unavailable.

        All of them or none: they go in one transaction of Redis.
        """
        with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            for payload in payloads:
                fields = {"verb": verb, "data": payload} | ({"reply_to": reply_to} if reply_to else {})
                pipe.xadd(self._stream, cast(Any, fields))
            # Who finds the bell already set need not ring: its reader clears it before it reads.
            pipe.set(self._bell, "1", nx=True, ex=BELL_SECONDS)
            return bool(pipe.execute()[-1])

    def notify(self) -> bool:
        """Whether the bell should be rung for what lies elsewhere. Raises Unavailable."""
        with redis_errors():
            return bool(self._redis.set(self._bell, "1", nx=True, ex=BELL_SECONDS))

    def request(self, verb: Verb, payload: str, ring: Callable[[], None], seconds: float) -> dict[str, Any]:
        """Adds an entry and waits for a worker's answer. Raises Unavailable when none comes in time."""
        reply_to = f"harkara:answer:{uuid4().hex}"
        if self.append(verb, [payload], reply_to):
            ring()
        with redis_errors():
            answer = cast("list[str] | None", self._redis.blpop([reply_to], timeout=seconds))
        if answer is None:
            raise Unavailable(f"no worker answered within {seconds:g} s: is one running?")
        return cast(dict[str, Any], json.loads(answer[1]))

    def read(self, most: int = 500) -> list[IntakeEntry]:
        """The next entries, those of a dead reader first; empty when there are none. Raises Unavailable."""
        with redis_errors():
            self._redis.delete(self._bell)
            try:
                return self._abandoned(most) or self._fresh(most)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return self._first(most)

    def reply(self, entry: IntakeEntry, answer: dict[str, Any]) -> None:
        if entry.reply_to:
            with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(entry.reply_to, json.dumps(answer))
                pipe.expire(entry.reply_to, ANSWER_SECONDS)
                pipe.execute()

    def acknowledge(self, entries: Sequence[IntakeEntry]) -> None:
        """They are committed in the ledger: Redis forgets them at once. Raises Unavailable."""
        ids = [entry.stream_id for entry in entries]
        with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, GROUP, *ids)
            pipe.xdel(self._stream, *ids)
            pipe.execute()

    def length(self) -> int:
        with redis_errors():
            return int(self._redis.xlen(self._stream))

    def _abandoned(self, most: int) -> list[IntakeEntry]:
        reply = cast(Any, self._redis.xautoclaim(self._stream, GROUP, self._reader, self._abandoned_ms, count=most))
        return _entries(reply[1])

    def _fresh(self, most: int) -> list[IntakeEntry]:
        reply = cast(Any, self._redis.xreadgroup(GROUP, self._reader, {self._stream: ">"}, count=most))
        return _entries(next(_streams(reply), []))

    def _first(self, most: int) -> list[IntakeEntry]:
        try:
            self._make_group()
        except OutOfMemoryError:
            # A full Redis has no room for a group. Without one two readers may get the same, which the ledger sees.
            return _entries(cast(Any, self._redis.xrange(self._stream, count=most)))
        return self._fresh(most)

    def _make_group(self) -> None:
        try:
            # From the very first entry: after a loss of Redis' memory producers may have been quicker than we.
            self._redis.xgroup_create(self._stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def _streams(reply: Any) -> Iterator[list[Any]]:
    """The entries of each stream in the reply; RESP3 answers a map, RESP2 a list."""
    if isinstance(reply, dict):
        for batches in reply.values():
            yield batches[0] if batches and batches[0] and isinstance(batches[0], list) else batches
    else:
        for _name, entries in reply or []:
            yield entries


def _entries(raw: Sequence[Any]) -> list[IntakeEntry]:
    return [
        IntakeEntry(identity, fields.get("verb", ""), fields.get("data", ""), fields.get("reply_to"))
        for identity, fields in raw
        if fields is not None
    ]
