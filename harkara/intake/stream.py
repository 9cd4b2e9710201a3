"""A Redis stream whose entries a process with a database reads: the intake of producers, and stored webhooks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import zip_longest
from typing import Any, Final, cast
from uuid import uuid4

import redis
from redis.exceptions import OutOfMemoryError, ResponseError

from harkara.errors import OtherDeployment, Unavailable
from harkara.intake.entries import (
    IntakeEntry,
    ReadBegin,
    Verb,
    parse_entries,
    parse_id,
    parse_position,
    readable_entries,
    streams_of,
)
from harkara.redis_client import REPEAT, redis_errors
from harkara.redis_eviction import EvictionCheck
from harkara.redis_identity import LEDGER

STREAM: Final = "harkara:intake"
WEBHOOKS: Final = "harkara:webhooks"
"""The stream that keeps webhooks while the database is unavailable."""
GROUP: Final = "ledger"

WAKE_UP_SECONDS: Final = 60
"""Interval of wake-ups while no worker reads, so that they do not fill a Redis without workers.

A lost wake-up costs a second: every worker reads the intake every second without one.
"""

ABANDONED_SECONDS: Final = 10.0
"""Age at which an entry that a reader has not acknowledged goes to another reader."""

ANSWER_SECONDS: Final = 30
"""Lifetime of an answer that the producer does not fetch."""

POLL_SECONDS: Final = 0.02


class Intake:
    """Both ends of a stream.

    `reader` is the consumer's name in the group; a process that only appends needs none. An entry goes to another
    reader when it is not acknowledged within `abandoned_seconds`. An append is complete when `replicas` of the server
    have it, which takes `replica_seconds` at most. `ledger` returns the identity of the reader's ledger, if it is
    known: the reader takes nothing from the Redis of another one.
    """

    def __init__(
        self,
        connection: redis.Redis,
        reader: str = "",
        *,
        stream: str = STREAM,
        abandoned_seconds: float = ABANDONED_SECONDS,
        replicas: int = 0,
        replica_seconds: float = 1.0,
        ledger: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._redis = connection
        self._eviction = EvictionCheck(connection)
        self._reader = reader
        self._stream = stream
        self._wake_up_key = f"{stream}:bell"
        self._ledger = ledger
        self._abandoned_ms = int(1000 * abandoned_seconds)
        self._replicas = replicas
        self._replica_ms = max(1, int(1000 * replica_seconds))  # 0 would wait without end

    def append(
        self,
        verb: Verb,
        payloads: Sequence[str],
        reply_to: str | None = None,
        valid_for: Sequence[timedelta | None] = (),
    ) -> bool:
        """Append entries, all or none; return whether the caller must wake a worker.

        `valid_for` has a value for each payload, or none at all. Raises Unavailable, also when this Redis may delete
        the entries before a worker has committed them, and when too few replicas have them.
        """
        if not reply_to:
            self._eviction.require_safe()
        with redis_errors(), self._redis.pipeline(transaction=not self._replicas) as pipe:
            if self._replicas:
                cast(Any, pipe).execute_command("MULTI")
            for payload, valid in zip_longest(payloads, valid_for):
                fields = {"verb": verb, "data": payload} | ({"reply_to": reply_to} if reply_to else {})
                fields |= {"valid_for": str(valid.total_seconds())} if valid else {}
                pipe.xadd(self._stream, cast(Any, fields))
            # A reader deletes the key before it reads: while the key is there, the entries are not missed.
            pipe.set(self._wake_up_key, "1", nx=True, ex=WAKE_UP_SECONDS)
            stored = self._execute_on_replicas(pipe) if self._replicas else pipe.execute()
            return bool(stored[-1])

    def notify(self) -> bool:
        """Return whether the caller must wake a worker, without an entry. Raises Unavailable."""
        with redis_errors():
            return bool(self._redis.set(self._wake_up_key, "1", nx=True, ex=WAKE_UP_SECONDS))

    def request(self, verb: Verb, payload: str, wake: Callable[[], None], seconds: float) -> dict[str, Any]:
        """Append an entry, call `wake` if needed, and wait for a worker's answer.

        Raises Unavailable when no answer arrives within `seconds`.
        """
        reply_to = f"harkara:answer:{uuid4().hex}"
        if self.append(verb, [payload], reply_to):
            wake()
        with redis_errors():
            answer = cast("list[str] | None", self._redis.blpop([reply_to], timeout=seconds))
        if answer is None:
            raise Unavailable(f"no worker answered within {seconds:g} s: is one running?")
        return cast(dict[str, Any], json.loads(answer[1]))

    def wait_for_readers(self, seconds: float) -> None:
        """Wait until the entries that readers hold now are committed, or `seconds` have passed. Raises Unavailable."""
        end = time.monotonic() + seconds
        _, newest = self._held()
        while time.monotonic() < end:
            oldest, _ = self._held()
            if oldest is None or newest is None or oldest > newest:
                return
            time.sleep(POLL_SECONDS)

    def read(
        self,
        limit: int = 500,
        *,
        newest: Callable[[], str | None] = lambda: None,
        moved: Callable[[str, int], None] = lambda newest, entries: None,
    ) -> list[IntakeEntry]:
        """The next entries, those that a dead reader left first; empty when there are none. Raises Unavailable.

        `newest` returns the newest position that the ledger has seen. It is asked when the stream is new. If the clock
        of the server is behind it, later entries get ids after it all the same; then `moved` gets the position, and the
        number of entries before it: an old copy of the stream, or new entries that the ledger may take for repeats.
        """
        with redis_errors():
            begin = self._begin_read()
            try:
                raw = self._read_abandoned(limit) or self._read_new(limit)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                raw = self._read_first(limit, newest, moved)
        return parse_entries(raw, begin)

    def others_hold_earlier(self, entry: IntakeEntry, batch: Sequence[IntakeEntry]) -> bool:
        """Return whether an earlier entry, outside of this reader's batch, is not acknowledged. Raises Unavailable."""
        own = {each.stream_id for each in batch}
        with redis_errors():
            try:
                held = cast(
                    Any, self._redis.xpending_range(self._stream, GROUP, "-", entry.stream_id, count=len(own) + 1)
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return False
        return any(each["message_id"] not in own for each in held)

    def reply(self, entry: IntakeEntry, answer: dict[str, Any]) -> None:
        """Send the answer, if the producer expects one. Raises Unavailable."""
        if entry.reply_to:
            with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
                pipe.rpush(entry.reply_to, json.dumps(answer))
                pipe.expire(entry.reply_to, ANSWER_SECONDS)
                pipe.execute()

    def acknowledge(self, entries: Sequence[IntakeEntry]) -> None:
        """Delete entries that are committed in the ledger. Raises Unavailable."""
        if not entries:
            return
        ids = [entry.stream_id for entry in entries]
        with redis_errors(), self._redis.pipeline(transaction=True) as pipe:
            pipe.xack(self._stream, GROUP, *ids)
            pipe.xdel(self._stream, *ids)
            pipe.execute()

    def length(self) -> int:
        with redis_errors():
            return int(self._redis.xlen(self._stream))

    def _execute_on_replicas(self, pipe: Any) -> list[Any]:
        """End the transaction of the pipeline and wait for the replicas, in one round trip; return its replies.

        WAIT counts the writes of its own connection, and does not wait within a transaction of redis-py.
        """
        pipe.execute_command("EXEC")
        pipe.execute_command("WAIT", self._replicas, self._replica_ms)
        *_, stored, copies = pipe.execute()
        if copies < self._replicas:
            raise Unavailable(f"{copies} of {self._replicas} replicas of Redis have the message: {REPEAT}")
        return cast("list[Any]", stored)

    def _held(self) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """Positions of the oldest and the newest entry that a reader has and did not acknowledge."""
        with redis_errors():
            try:
                held = cast(Any, self._redis.xpending(self._stream, GROUP))
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                return None, None
        return parse_position(held["min"]), parse_position(held["max"])

    def _begin_read(self) -> ReadBegin:
        """Delete the key of the wake-up; return Redis' time and this process' at that moment.

        Raises OtherDeployment if the Redis belongs to another ledger. All of it is one round trip.
        """
        local = time.monotonic()  # before Redis' clock is read: an entry may count as older, never as younger
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(LEDGER)
            pipe.time()
            pipe.delete(self._wake_up_key)
            owner, (seconds, microseconds), _ = cast("tuple[str | None, tuple[int, int], int]", tuple(pipe.execute()))
        if owner and (own := self._ledger()) and owner != own:
            raise OtherDeployment("this Redis belongs to another ledger: nothing was read from it")
        return ReadBegin(seconds + microseconds / 1e6, local)

    def _read_abandoned(self, limit: int) -> list[Any]:
        reply = cast(Any, self._redis.xautoclaim(self._stream, GROUP, self._reader, self._abandoned_ms, count=limit))
        return readable_entries(reply[1])

    def _read_new(self, limit: int) -> list[Any]:
        reply = cast(Any, self._redis.xreadgroup(GROUP, self._reader, {self._stream: ">"}, count=limit))
        return readable_entries(next(streams_of(reply), []))

    def _read_first(self, limit: int, newest: Callable[[], str | None], moved: Callable[[str, int], None]) -> list[Any]:
        try:
            self._create_group(newest(), moved)
        except OutOfMemoryError:
            # A full Redis cannot store a group. Two readers may then read the same entry: the ledger accepts it once.
            return readable_entries(cast(Any, self._redis.xrange(self._stream, count=limit)))
        return self._read_new(limit)

    def _create_group(self, newest: str | None, moved: Callable[[str, int], None]) -> None:
        # The ledger takes entries with earlier ids than it has seen for repeats.
        milliseconds, sequence = parse_id(newest) if newest else (0, 0)
        try:
            entries = self._redis.eval(_CREATE_GROUP, 1, self._stream, GROUP, str(milliseconds), str(sequence))
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            return
        if entries is not None:
            moved(f"{milliseconds}-{sequence}", int(cast(Any, entries)))


_CREATE_GROUP: Final = """
-- From the first entry: after Redis lost its data, a producer may append before a reader creates the group.
local created = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if created.err then return created end
local info, last = redis.call('XINFO', 'STREAM', KEYS[1]), '0-0'
for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then last = info[at + 1] end
end
local milliseconds, sequence = string.match(last, '(%d+)-(%d+)')
local newest, newest_sequence = tonumber(ARGV[2]), tonumber(ARGV[3])
milliseconds, sequence = tonumber(milliseconds), tonumber(sequence)
if milliseconds > newest or (milliseconds == newest and sequence >= newest_sequence) then return nil end
redis.call('XSETID', KEYS[1], ARGV[2] .. '-' .. ARGV[3])
return redis.call('XLEN', KEYS[1])
"""
"""In one step, since another reader may read an entry as soon as the group exists."""
