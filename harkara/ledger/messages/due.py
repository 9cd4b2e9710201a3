"""Due messages: which flows have one, and which of them go next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import NamedTuple

from sqlalchemy import BindParameter, bindparam, text

from harkara.ledger.database import Transaction
from harkara.ledger.tables import message

UNSWEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """The messages of one producer at one priority in one lane, as in fair queueing: flows take turns."""

    lane: str
    priority: int
    producer: str


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Why a due message must not be hinted at once."""

    unswept: bool
    """A lease ran out a while ago and was not swept: no worker is running that could consume the hint."""
    backlog: bool
    """Another message of the lane is due and waiting: it goes first."""


def _moment(name: str) -> BindParameter[datetime]:
    """Bind a moment in hand-written SQL in the form in which the tables store it."""
    return bindparam(name, type_=message.c.due_at.type)


_FIRST = "(SELECT id FROM message WHERE state = 'waiting' AND {} ORDER BY lane, priority, producer, due_at LIMIT 1)"
_FOLLOWING = (
    _FIRST.format("lane = at.lane AND priority = at.priority AND producer > at.producer"),
    _FIRST.format("lane = at.lane AND priority > at.priority"),
    _FIRST.format("lane > at.lane"),
)

# A loose index scan: it jumps from one flow to the next through ix_message_due. Its cost follows the number of flows,
# not of messages, of which a million may be due later. Each step compares one column: with row comparison, SQLite
# scans the whole flow.
_FLOWS = text(f"""
WITH RECURSIVE first_of(id) AS (
    SELECT {_FIRST.format("true")}
    UNION ALL
    SELECT coalesce({", ".join(_FOLLOWING)}) FROM first_of JOIN message AS at ON at.id = first_of.id
)
SELECT lane, priority, producer FROM message WHERE id IN (SELECT id FROM first_of) AND due_at <= :now
ORDER BY lane, priority, producer
""").bindparams(_moment("now"))

_NEXT = text("""
SELECT id, expires_at, due_at FROM message
WHERE state = 'waiting' AND lane = :lane AND priority = :priority AND producer = :producer AND due_at <= :now
ORDER BY expires_at, due_at, id LIMIT :most
""").bindparams(_moment("now"))

_OBSTACLES = text("""
SELECT
    EXISTS (
        SELECT 1 FROM message WHERE state IN ('queued', 'claimed', 'sending') AND lease_until < :unswept
    ) AS unswept,
    EXISTS (SELECT 1 FROM message WHERE state = 'waiting' AND lane = :lane AND due_at <= :now) AS backlog,
    EXISTS (SELECT 1 FROM halt WHERE lane = :lane AND scope = 'producer') AS held
""").bindparams(_moment("now"), _moment("unswept"))

_HELD = text("SELECT lane, subject FROM halt WHERE scope = 'producer' AND (until IS NULL OR until > :now)").bindparams(
    _moment("now")
)


def due_flows(tx: Transaction) -> list[Flow]:
    """Return the flows of all lanes that have a message due now, in order."""
    return [Flow(row.lane, row.priority, row.producer) for row in tx.execute(_FLOWS, {"now": tx.now})]


def held_producers(tx: Transaction) -> set[tuple[str, str]]:
    """Return the (lane, producer) pairs whose messages are on hold, such as paused campaigns."""
    return {(row.lane, row.subject) for row in tx.execute(_HELD, {"now": tx.now})}


def find_obstacles(tx: Transaction, lane: str) -> Obstacles:
    """Return what stands against a direct hint in this lane."""
    unswept = tx.now - timedelta(seconds=UNSWEPT_SECONDS)
    found = tx.execute(_OBSTACLES, {"now": tx.now, "unswept": unswept, "lane": lane}).one()
    backlog = bool(found.backlog and (not found.held or _has_unheld_flow(tx, lane)))
    return Obstacles(bool(found.unswept), backlog)


def choose_fairly(tx: Transaction, flows: Sequence[Flow], capacity: int) -> list[str]:
    """Return the ids of up to `capacity` due messages of one lane, in the order in which they go.

    The most urgent priority goes first; within one, the flows take turns; each flow gives its earliest deadline first.
    """
    chosen: list[str] = []
    for priority in sorted({flow.priority for flow in flows}):
        most = capacity - len(chosen)
        if most <= 0:
            break
        queues = [_next_messages(tx, flow, most) for flow in flows if flow.priority == priority]
        turns = merge(*([(turn, *each) for turn, each in enumerate(queue)] for queue in queues))
        chosen += [identity for _turn, _expires, _due, identity in islice(turns, most)]
    return chosen


class _Next(NamedTuple):
    expires_at: datetime
    due_at: datetime
    id: str


def _next_messages(tx: Transaction, flow: Flow, most: int) -> list[_Next]:
    parameters = {"lane": flow.lane, "priority": flow.priority, "producer": flow.producer, "now": tx.now, "most": most}
    return [_Next(row.expires_at, row.due_at, row.id) for row in tx.execute(_NEXT, parameters)]


def _has_unheld_flow(tx: Transaction, lane: str) -> bool:
    """Return whether a due message of the lane is not on hold: a paused campaign is no backlog."""
    held = held_producers(tx)
    return any(flow.lane == lane and (lane, flow.producer) not in held for flow in due_flows(tx))
