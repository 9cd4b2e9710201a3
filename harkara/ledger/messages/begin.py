"""Begin: mark a message `sending` and commit its attempt before the POST."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from harkara.ledger.conditions import sql_list
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.timeline import CURRENT
from harkara.ledger.transaction import Row, Transaction
from harkara.states import Action, State, allowed_from


@dataclass(frozen=True, slots=True)
class BeginRequest:
    """A worker's request to POST a claimed message; it must be durable before the first byte leaves.

    `fingerprint` is set in lanes that receive webhooks (see `harkara.inbound.fingerprint`).
    """

    claimed: Claimed
    worker: str
    gates: str
    lease_seconds: float
    fingerprint: str | None = None


class Begun(NamedTuple):
    """The ids and epochs of the messages that may be POSTed, when they began, and the timeline of their server."""

    held: set[tuple[str, int]]
    at: datetime
    timeline: str | None = None


def begin_alone(db: Database, requests: Sequence[BeginRequest], *, with_timeline: bool = False) -> Begun:
    """Do what `begin` does, and commit it. On PostgreSQL it is a single prepared statement, which commits by itself."""
    if db.sqlite:
        with db.write() as tx:
            return begin(tx, requests)
    now = db.now()
    attempts, lease = attempt_rows(requests), lease_until(requests, now)
    return begun(db.execute_each(_STATEMENTS[with_timeline], ATTEMPT, attempts, now=now, lease=lease), now)


def begin(tx: Transaction, requests: Sequence[BeginRequest], *, with_timeline: bool = False) -> Begun:
    """Mark those messages as `sending` whose claim still holds, each with its attempt.

    The others were cancelled, or swept and claimed by another worker in the meantime, and must not be POSTed. The
    timeline is None without `with_timeline`, which PostgreSQL alone has.
    """
    attempts, lease = attempt_rows(requests), lease_until(requests, tx.now)
    if not tx.sqlite:
        return begun(tx.execute_each(_STATEMENTS[with_timeline], ATTEMPT, attempts, now=tx.now, lease=lease), tx.now)
    held = set(tx.execute_each(BEGIN, ATTEMPT, attempts, now=tx.now, lease=lease))
    if held:
        opened = [attempt for attempt in attempts if (attempt["id"], attempt["epoch"]) in held]
        tx.execute_each(_OPEN_ATTEMPT, ATTEMPT, opened, now=tx.now)
    return Begun(held, tx.now)


# Written by hand, as the whole hot path: one statement for all rows of a group commit. The state is wrapped, as in
# `still_in`, to keep the planner on the primary key.
ATTEMPT = {"id": "text", "epoch": "integer", "lane": "text", "weight": "integer", "worker": "text", "gates": "text"}
ATTEMPT |= {"fingerprint": "text", "claimed_at": "timestamptz"}
BEGIN = f"""
UPDATE message
SET state = 'sending', tries = tries + 1, lease_until = :lease, posted_at = :now, changed_at = :now
FROM {{each}}
WHERE message.id = each.id AND message.epoch = each.epoch
  AND coalesce(message.state, '') IN ({sql_list(allowed_from(State.SENDING, by=Action.BEGIN))})
  -- A sweep that has not committed yet may already have seen that the lease ran out.
  AND message.lease_until > :now
RETURNING message.id, message.epoch
"""
_OPEN_ATTEMPT = """
INSERT INTO attempt (message_id, epoch, lane, weight, worker, gates, echo, claimed_at, started_at)
SELECT each.id, each.epoch, lane, weight, worker, gates, fingerprint, claimed_at, :now FROM {each}
"""
OPEN_ATTEMPT_OF_HELD = f"{_OPEN_ATTEMPT} JOIN held ON held.id = each.id AND held.epoch = each.epoch"
TIMELINES = ("CAST(NULL AS text)", f"(SELECT {CURRENT})")
"""SQL without and with the timeline, which the session that begins reads itself: no pooler, proxy or reconnection comes
in between.
"""
# Both are one statement where a round trip costs more than the work. SQLite has none, and no UPDATE in a WITH.
_STATEMENTS = tuple(
    f"WITH held AS ({BEGIN}), opened AS ({OPEN_ATTEMPT_OF_HELD}) SELECT id, epoch, {timeline} FROM held"
    for timeline in TIMELINES
)


def begun(rows: Sequence[tuple[Any, ...]], at: datetime) -> Begun:
    """Return what rows of (id, epoch, timeline) say."""
    return Begun({(identity, epoch) for identity, epoch, _ in rows}, at, rows[0][2] if rows else None)


def lease_until(requests: Sequence[BeginRequest], now: datetime) -> datetime:
    """Return the end of the lease of requests that begin together at `now`."""
    return now + timedelta(seconds=requests[0].lease_seconds)


def attempt_rows(requests: Sequence[BeginRequest]) -> list[Row]:
    """Return the attempts of requests with the columns of ATTEMPT, in the order in which they lock their messages."""
    return [_attempt(request) for request in sorted(requests, key=lambda request: request.claimed.id)]


def _attempt(request: BeginRequest) -> Row:
    claimed = request.claimed
    return {
        "id": claimed.id,
        "epoch": claimed.epoch,
        "lane": claimed.lane,
        "weight": claimed.weight,
        "worker": request.worker,
        "gates": request.gates,
        "fingerprint": request.fingerprint,
        "claimed_at": claimed.claimed_at,
    }
