"""Due messages: which flows have one, and which of them go next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BindParameter, bindparam, text

from harkara.ledger.database import Database
from harkara.ledger.halts import LANES_TO_RECOVER
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Rows, Transaction

_UNSWEPT_SECONDS = 5.0

MANY_FLOWS = 20
"""With more flows, a look at all of them costs more than the lease by which one process does it for the others."""


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """The messages of one producer at one priority in one lane, as in fair queueing: flows take turns."""

    lane: str
    priority: int
    producer: str


class Share(NamedTuple):
    """A flow, and how many messages of its lane may go until the last of this flow has gone."""

    flow: Flow
    most: int


class OldestDue(NamedTuple):
    """How long the oldest due message of a flow has waited; `campaign` says whether the flow is one."""

    lane: str
    priority: int
    campaign: bool
    seconds: float


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
_HEAD = "id, lane, priority, producer, due_at, campaign_id"


def heads_on_postgres(condition: str = "true") -> str:
    """Return SQL: the recursive common table `head`, the first message of each flow, if the condition is met."""
    # A loose index scan: it jumps from one flow to the next through ix_message_due. Its cost follows the number of
    # flows, not of messages, of which a million may be due later.
    order = "ORDER BY lane, priority, producer, due_at"
    head = f"SELECT {_HEAD} FROM message WHERE state = 'waiting' AND {{}} {order} LIMIT 1"
    following = head.format("(lane, priority, producer) > (at.lane, at.priority, at.producer)")
    return f"""
head AS (
    ({head.format(condition)})
    UNION ALL
    SELECT following.* FROM head AS at CROSS JOIN LATERAL ({following}) AS following
)
"""


HEADS_ON_SQLITE = f"""
first_of(id) AS (
    SELECT {_FIRST.format("true")}
    UNION ALL
    SELECT coalesce({", ".join(_FOLLOWING)}) FROM first_of JOIN message AS at ON at.id = first_of.id
), head AS (
    SELECT {_HEAD} FROM message WHERE id IN (SELECT id FROM first_of)
)
"""
"""The same for SQLite. Each step compares one column: with row comparison, SQLite scans the whole flow."""

_FLOWS_ON_POSTGRES, _FLOWS_ON_SQLITE = (
    text(f"""
WITH RECURSIVE {heads}
SELECT lane, priority, producer, due_at, campaign_id FROM head WHERE due_at <= :now ORDER BY lane, priority, producer
""")
    .bindparams(_moment("now"))
    .columns(due_at=message.c.due_at.type)
    for heads in (heads_on_postgres(), HEADS_ON_SQLITE)
)

_LATE_OF_FLOW = """
    SELECT message.id FROM message
    WHERE message.state = 'waiting' AND message.lane = head.lane AND message.priority = head.priority
        AND message.producer = head.producer AND message.due_at <= :now AND message.expires_at <= :now
    LIMIT :most
"""
# SQLite has no LATERAL, and PostgreSQL would compare each flow with each message.
_LATE_ON_POSTGRES, _LATE_ON_SQLITE = (
    text(f"""
WITH RECURSIVE {heads} SELECT late.id FROM head CROSS JOIN {late}
WHERE head.due_at <= :now AND head.lane NOT IN ({LANES_TO_RECOVER}) ORDER BY late.id
""").bindparams(_moment("now"))
    for heads, late in (
        (heads_on_postgres(), f"LATERAL ({_LATE_OF_FLOW}) AS late"),
        (HEADS_ON_SQLITE, f"message AS late ON late.id IN ({_LATE_OF_FLOW})"),
    )
)

_OF_FLOW = """
FROM message WHERE state = 'waiting' AND lane = each.lane AND priority = each.priority AND producer = each.producer
    AND due_at <= :now
ORDER BY expires_at, due_at, id
"""

# SQLite has no LATERAL, and PostgreSQL would compare each flow with each message.
_NEXT_ON_POSTGRES = f"{{each}} CROSS JOIN LATERAL (SELECT id, expires_at, due_at {_OF_FLOW} LIMIT each.most) AS next"
_NEXT_ON_SQLITE = f"""
    {{each}} CROSS JOIN message AS next
    ON next.id IN (SELECT id {_OF_FLOW} LIMIT (SELECT max(most) FROM {{each}}))
"""


def _placed(next_of_each: str) -> str:
    """Return the common tables `candidate` and `placed`: the messages that may go next, with their places."""
    return f"""
candidate AS (
    SELECT next.id, next.expires_at, next.due_at, each.lane, each.priority, each.most, row_number() OVER (
        PARTITION BY each.lane, each.priority, each.producer ORDER BY next.expires_at, next.due_at, next.id
    ) AS turn
    FROM {next_of_each}
), placed AS (
    SELECT id, lane, most, row_number() OVER (
        PARTITION BY lane ORDER BY priority, turn, expires_at, due_at, id
    ) AS place
    FROM candidate
)
"""


PLACED_ON_POSTGRES = _placed(_NEXT_ON_POSTGRES)
"""SQL: the common tables `candidate` and `placed` for the shares `{each}`; what has a place up to `most` goes now."""

_CHOSEN = "SELECT id FROM placed WHERE place <= most ORDER BY lane, place"
_CHOSEN_ON_POSTGRES = f"WITH {PLACED_ON_POSTGRES} {_CHOSEN}"
_CHOSEN_ON_SQLITE = f"WITH {_placed(_NEXT_ON_SQLITE)} {_CHOSEN}"
SHARE_COLUMNS = {"lane": "text", "priority": "integer", "producer": "text", "most": "integer"}

UNSWEPT = """EXISTS (
    SELECT 1 FROM message WHERE state IN ('queued', 'claimed', 'sending') AND lease_until < :unswept
)"""
"""SQL: whether a lease ran out before `unswept`."""

BACKLOG = "(SELECT 1 FROM message WHERE state = 'waiting' AND lane = {lane} AND due_at <= :now LIMIT 1) IS NOT NULL"
HELD = "(SELECT 1 FROM halt WHERE lane = {lane} AND scope = 'producer' LIMIT 1) IS NOT NULL"
"""SQL: whether a message of the lane is due, and whether a producer of it is on hold.

Without the limit, PostgreSQL may read the rows of all lanes for the first answer of a statement.
"""

_OBSTACLES = text(f"""
SELECT {UNSWEPT} AS unswept, {BACKLOG.format(lane=":lane")} AS backlog, {HELD.format(lane=":lane")} AS held
""").bindparams(_moment("now"), _moment("unswept"))

_HELD = text("SELECT lane, subject FROM halt WHERE scope = 'producer' AND (until IS NULL OR until > :now)").bindparams(
    _moment("now")
)


_HALTED_LANES = text("SELECT lane FROM halt WHERE scope = 'lane' AND (until IS NULL OR until > :now)").bindparams(
    _moment("now")
)


def due_flows(tx: Transaction) -> list[Flow]:
    """Return the flows of all lanes that have a message due now, in order."""
    return [Flow(row.lane, row.priority, row.producer) for row in _due_heads(tx)]


def late_messages(tx: Transaction, most: int) -> list[str]:
    """Return the ids of messages that are due and past their deadline, at most `most` of each flow.

    Those of a lane that waits for `harkara recover` may have been sent, so they do not expire. Only a due message can
    be late, so the index of due messages serves.
    """
    query = _LATE_ON_SQLITE if tx.sqlite else _LATE_ON_POSTGRES
    return list(tx.execute(query, {"now": tx.now, "most": most}).scalars())


def oldest_due(tx: Transaction) -> list[OldestDue]:
    """Return the oldest due message of each flow that nothing holds: no halt of its lane or of its producer."""
    held, halted = held_producers(tx), _halted_lanes(tx)
    return [
        OldestDue(row.lane, row.priority, row.campaign_id is not None, (tx.now - row.due_at).total_seconds())
        for row in _due_heads(tx)
        if row.lane not in halted and (row.lane, row.producer) not in held
    ]


def oldest_due_seconds(db: Database) -> dict[tuple[str, int], float]:
    """Return how long the oldest due message of each lane and priority has waited. Raises Unavailable."""
    found: dict[tuple[str, int], float] = {}
    with db.read() as tx:
        for each in oldest_due(tx):
            found[each.lane, each.priority] = max(each.seconds, found.get((each.lane, each.priority), 0.0))
    return found


def held_producers(tx: Transaction) -> set[tuple[str, str]]:
    """Return the (lane, producer) pairs whose messages are on hold, such as paused campaigns."""
    return {(row.lane, row.subject) for row in tx.execute(_HELD, {"now": tx.now})}


def unswept_since(now: datetime) -> datetime:
    """Return the moment before which no lease of a swept ledger ran out."""
    return now - timedelta(seconds=_UNSWEPT_SECONDS)


def find_obstacles(tx: Transaction, lane: str) -> Obstacles:
    """Return what stands against a direct hint in this lane."""
    found = tx.execute(_OBSTACLES, {"now": tx.now, "unswept": unswept_since(tx.now), "lane": lane}).one()
    backlog = bool(found.backlog and (not found.held or _has_unheld_flow(tx, lane)))
    return Obstacles(bool(found.unswept), backlog)


def choose_fairly(tx: Transaction, shares: Sequence[Share]) -> list[str]:
    """Return the ids of the due messages that go now, in their order.

    Within a lane the most urgent priority goes first; within one, the flows take turns; each flow gives its earliest
    deadline first.
    """
    if not shares:
        return []
    statement = _CHOSEN_ON_SQLITE if tx.sqlite else _CHOSEN_ON_POSTGRES
    return [identity for (identity,) in tx.execute_each(statement, SHARE_COLUMNS, share_rows(shares), now=tx.now)]


def share_rows(shares: Sequence[Share]) -> list[Row]:
    """Return the shares as rows of SHARE_COLUMNS."""
    return [{**asdict(share.flow), "most": share.most} for share in shares]


def _due_heads(tx: Transaction) -> Rows:
    return tx.execute(_FLOWS_ON_SQLITE if tx.sqlite else _FLOWS_ON_POSTGRES, {"now": tx.now})


def _has_unheld_flow(tx: Transaction, lane: str) -> bool:
    """Return whether a due message of the lane is not on hold: a paused campaign is no backlog."""
    held = held_producers(tx)
    return any(flow.lane == lane and (lane, flow.producer) not in held for flow in due_flows(tx))


def _halted_lanes(tx: Transaction) -> set[str]:
    return {row.lane for row in tx.execute(_HALTED_LANES, {"now": tx.now})}
