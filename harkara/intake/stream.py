"""A Redis stream whose entries a process with a database reads: the intake of producers, and stored webhooks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import redis
from redis.exceptions import OutOfMemoryError, ResponseError

from harkara.errors import OtherDeployment
from harkara.intake.entries import (
    IntakeEntry,
    ReadBegin,
    Verb,
    parse_entries,
    parse_id,
    readable_entries,
    streams_of,
)
from harkara.intake.producer import GROUP, STREAM, IntakeProducer, wake_up_key
from harkara.redis_client import redis_errors
from harkara.redis_identity import LEDGER
from harkara.steps import run

WEBHOOKS: Final = "harkara:webhooks"
"""The stream that keeps webhooks while the database is unavailable."""
ABANDONED_SECONDS: Final = 10.0
"""Age at which an entry that a reader has not acknowledged goes to another reader."""

ANSWER_SECONDS: Final = 30
"""Lifetime of an answer that the producer does not fetch."""


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
        self._producer = IntakeProducer(stream=stream, replicas=replicas, replica_seconds=replica_seconds)
        self._reader = reader
        self._stream = stream
        self._wake_up_key = wake_up_key(stream)
        self._ledger = ledger
        self._abandoned_ms = int(1000 * abandoned_seconds)

    def append(
        self,
        verb: Verb,
        payloads: Sequence[str],
        reply_to: str | None = None,
        traceparents: Sequence[str | None] = (),
    ) -> bool:
        """Append entries, all or none, as `IntakeProducer.append` does."""
        return run(self._producer.append(verb, payloads, reply_to, traceparents=traceparents), self)

    def notify(self) -> bool:
        """Return whether the caller must wake a worker, without an entry. Raises Unavailable."""
        return run(self._producer.notify(), self)

    def get(self, *, quick: bool) -> redis.Redis:
        """The connection, for the steps of the producer."""
        return self._redis

    def read(
        self,
        limit: int = 500,
        *,
        wait_seconds: float = 0.0,
        newest: Callable[[], str | None] = lambda: None,
        moved: Callable[[str, int], None] = lambda newest, entries: None,
    ) -> list[IntakeEntry]:
        """The next entries, those that a dead reader left first; empty when there are none. Raises Unavailable.

        A reader waits up to `wait_seconds` for the first one, less than the connection waits for an answer. It needs no
        wake-up meanwhile, and leaves the key by which producers know.

        `newest` returns the newest position that the ledger has seen. It is asked when the stream is new. If the clock
        of the server is behind it, later entries get ids after it all the same; then `moved` gets the position, and the
        number of entries before it: an old copy of the stream, or new entries that the ledger may take for repeats.
        """
        with redis_errors():
            begin = self._begin_read(wakes=not wait_seconds)
            try:
                raw, again = self._read_abandoned(limit)
                begin = max(begin, again, key=lambda each: each.difference)
                raw = raw or self._read_new(limit, wait_seconds)
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                raw = self._read_first(limit, newest, moved)
        return parse_entries(raw, begin, time.monotonic())

    def is_empty(self) -> bool:
        """Return whether no entry waits and no reader has one; a producer wakes a worker after it. Raises Unavailable.

        An append after it is followed by a wake-up, as after `read`.
        """
        with redis_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(self._wake_up_key)
            pipe.xlen(self._stream)
            return not pipe.execute()[1]

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

    def _begin_read(self, *, wakes: bool) -> ReadBegin:
        """Return Redis' time and this process' at one moment; with `wakes`, delete the key of the wake-up then.

        Raises OtherDeployment if the Redis belongs to another ledger. All of it is one round trip.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.get(LEDGER)
            pipe.time()
            if wakes:
                pipe.delete(self._wake_up_key)
            local = time.monotonic()
            owner, moment, *_ = cast("tuple[str | None, tuple[int, int], int]", tuple(pipe.execute()))
        self._require_own(owner)
        return ReadBegin.of(moment, local)

    def _require_own(self, owner: str | None) -> None:
        if owner and (own := self._ledger()) and owner != own:
            raise OtherDeployment("this Redis belongs to another ledger: nothing was read from it")

    def _read_abandoned(self, limit: int) -> tuple[list[Any], ReadBegin]:
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.xautoclaim(self._stream, GROUP, self._reader, self._abandoned_ms, count=limit)
            pipe.time()
            local = time.monotonic()
            reply, moment = cast("tuple[Any, tuple[int, int]]", tuple(pipe.execute()))
        return readable_entries(reply[1]), ReadBegin.of(moment, local)

    def _read_new(self, limit: int, wait_seconds: float = 0.0) -> list[Any]:
        block = int(1000 * wait_seconds) or None  # 0 would wait without end
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.xreadgroup(GROUP, self._reader, {self._stream: ">"}, count=limit, block=block)
            pipe.get(LEDGER)  # after the wait, in which Redis may have become another ledger's
            reply, owner = cast("tuple[Any, str | None]", tuple(pipe.execute()))
        if raw := readable_entries(next(streams_of(reply), [])):
            self._require_own(owner)
        return raw

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
