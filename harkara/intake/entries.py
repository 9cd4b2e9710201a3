"""Entries of the intake, and how they are parsed from the replies of Redis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, NamedTuple, Self

Verb = Literal[
    "send",
    "cancel",
    "status",
    "save-occasion",
    "cancel-occasion",
    "complete-occasion",
    "no-show-occasion",
    "wish",
    "webhook",
]


@dataclass(frozen=True, slots=True)
class IntakeEntry:
    """One request of a producer. `reply_to` is the key of the list in which it expects an answer.

    `appended_at` is when the producer appended it, by Redis' clock, as `time.monotonic()` of this process; None if
    it is not known. `valid_for` is how long, from then on, a message without a deadline of its own is worth sending.
    `traceparent` is the W3C Trace Context of the hand-over, as the producer wrote it.
    """

    stream_id: str
    verb: str
    data: str = field(repr=False)
    reply_to: str | None = None
    appended_at: float | None = None
    valid_for: timedelta | None = None
    traceparent: str | None = None

    @property
    def position(self) -> str:
        """Its place in the stream, as text that sorts like the entries; ids of a stream only grow."""
        return "{:020d}-{:020d}".format(*parse_id(self.stream_id))


class ReadBegin(NamedTuple):
    """One moment by two clocks, in seconds.

    The local clock is read first, so an entry may count as older, never as younger. The less time has passed until
    Redis read its own clock, the larger is the `difference`.
    """

    redis: float
    local: float

    @classmethod
    def of(cls, moment: tuple[int, int], local: float) -> Self:
        """Return the moment of an answer to TIME, which was asked for at `local`."""
        seconds, microseconds = moment
        return cls(seconds + microseconds / 1e6, local)

    @property
    def difference(self) -> float:
        return self.local - self.redis

    def local_time(self, stream_id: str, now: float) -> float:
        """Return the time of an entry, which may be later, by this process' clock, at which it is `now`.

        An id may be ahead of Redis' clock, but no entry is of the future.
        """
        return min(now, self.difference + int(stream_id.partition("-")[0]) / 1000)


def parse_id(stream_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence or 0)


def parse_position(stream_id: str | None) -> tuple[int, int] | None:
    return None if stream_id is None else parse_id(stream_id)


def streams_of(reply: Any) -> Iterator[list[Any]]:
    """The entries of each stream in the reply, which is a map in RESP3 and a list in RESP2."""
    if isinstance(reply, dict):
        for batches in reply.values():
            yield batches[0] if batches and batches[0] and isinstance(batches[0], list) else batches
    else:
        for _name, entries in reply or []:
            yield entries


def readable_entries(raw: Sequence[Any]) -> list[Any]:
    """Leave out the entries that were deleted while a reader had them."""
    return [entry for entry in raw if entry[1] is not None]


def parse_entries(raw: Sequence[Any], begin: ReadBegin, now: float) -> list[IntakeEntry]:
    """Parse what was read after `begin`, until `now` by this process' clock."""
    return [
        IntakeEntry(
            identity,
            fields.get("verb", ""),
            fields.get("data", ""),
            fields.get("reply_to"),
            begin.local_time(identity, now),
            _duration(fields.get("valid_for")),
            fields.get("traceparent"),
        )
        for identity, fields in raw
    ]


def _duration(text: str | None) -> timedelta | None:
    try:
        return timedelta(seconds=float(text)) if text else None
    except (ValueError, OverflowError):
        return None  # no client of Harkara wrote it
