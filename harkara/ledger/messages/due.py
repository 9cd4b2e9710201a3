"""What is due: which streams of messages have one, and whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from sqlalchemy import BindParameter, bindparam, text

from harkara.ledger.database import Transaction
from harkara.ledger.tables import message


def _at(name: str) -> BindParameter[datetime]:
    """A moment in hand-written SQL, bound in the form in which the tables store it."""
    return bindparam(name, type_=message.c.due_at.type)


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """The messages of one producer at one priority in one lane; turns are shared between streams."""

    lane: str
    priority: int
    producer: str


_FIRST = "(SELECT id FROM message WHERE state = 'waiting' AND {} ORDER BY lane, priority, producer, due_at LIMIT 1)"
_FOLLOWING = (
    _FIRST.format("lane = at.lane AND priority = at.priority AND producer > at.producer"),
    _FIRST.format("lane = at.lane AND priority > at.priority"),
    _FIRST.format("lane > at.lane"),
)

# Jumps from one stream to the next through the index ix_message_due. So the cost follows the number of streams and not
# that of the messages, of which a million may wait for another day. Each step compares one column: where rows are
# compared as a whole, SQLite walks through all of a stream.
_STREAMS = text(f"""
WITH RECURSIVE first_of(id) AS (
    SELECT {_FIRST.format("true")}
    UNION ALL
    SELECT coalesce({", ".join(_FOLLOWING)}) FROM first_of JOIN message AS at ON at.id = first_of.id
)
SELECT lane, priority, producer FROM message WHERE id IN (SELECT id FROM first_of) AND due_at <= :now
ORDER BY lane, priority, producer
""").bindparams(_at("now"))

_NEXT = text("""
SELECT id, expires_at, due_at FROM message
WHERE state = 'waiting' AND lane = :lane AND priority = :priority AND producer = :producer AND due_at <= :now
ORDER BY expires_at, due_at, id LIMIT :most
""").bindparams(_at("now"))


_IN_THE_WAY = text("""
SELECT
    EXISTS (
        SELECT 1 FROM message WHERE state IN ('queued', 'claimed', 'sending') AND lease_until < :unswept
    ) AS unheard,
    EXISTS (SELECT 1 FROM message WHERE state = 'waiting' AND lane = :lane AND due_at <= :now) AS backlog,
    EXISTS (SELECT 1 FROM halt WHERE lane = :lane AND scope = 'producer') AS held
""").bindparams(_at("now"), _at("unswept"))

_HELD = text("SELECT lane, subject FROM halt WHERE scope = 'producer' AND (until IS NULL OR until > :now)").bindparams(
    _at("now")
)

UNSWEPT_SECONDS = 5.0


def due_flows(tx: Transaction) -> list[Flow]:
    """The streams of all lanes that have a message due now."""
    return [Flow(row.lane, row.priority, row.producer) for row in tx.execute(_STREAMS, {"now": tx.now})]


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Why a message that is due should not be hinted at once."""

    unheard: bool
    """A lease has been over for a while and nobody swept it: there is no worker to hear the hint."""
    backlog: bool
    """Something of its lane is due and still waits: its turn comes after that."""


def find_obstacles(tx: Transaction, lane: str) -> Obstacles:
    unswept = tx.now - timedelta(seconds=UNSWEPT_SECONDS)
    found = tx.execute(_IN_THE_WAY, {"now": tx.now, "unswept": unswept, "lane": lane}).one()
    backlog = bool(found.backlog and (not found.held or _goes(tx, lane)))
    return Obstacles(bool(found.unheard), backlog)


def held_producers(tx: Transaction) -> set[tuple[str, str]]:
    """The producers whose messages wait until they are let go, each with its lane."""
    return {(row.lane, row.subject) for row in tx.execute(_HELD, {"now": tx.now})}


def _goes(tx: Transaction, lane: str) -> bool:
    """Whether anything that is due there is not held: a campaign that is paused is in nobody's way."""
    held = held_producers(tx)
    return any(stream.lane == lane and (lane, stream.producer) not in held for stream in due_flows(tx))


def choose_fairly(tx: Transaction, streams: list[Flow], room: int) -> list[str]:
    """The ids of up to `room` due messages of one lane, in the order in which they go.

    By priority; within one, the producers take turns; each gives its earliest deadline first.
    """
    chosen: list[str] = []
    for priority in sorted({s.priority for s in streams}):
        most = room - len(chosen)
        if most <= 0:
            break
        queues = [_next(tx, stream, most) for stream in streams if stream.priority == priority]
        turns = merge(*([(turn, *key) for turn, key in enumerate(queue)] for queue in queues))
        chosen += [identity for _turn, _expires, _due, identity in islice(turns, most)]
    return chosen


def _next(tx: Transaction, stream: Flow, most: int) -> list[tuple[datetime, datetime, str]]:
    rows = tx.execute(
        _NEXT,
        {
            "lane": stream.lane,
            "priority": stream.priority,
            "producer": stream.producer,
            "now": tx.now,
            "most": most,
        },
    )
    return [(row.expires_at, row.due_at, row.id) for row in rows]
