"""What a dispatch decides by: whether it is due, the flows with a due message, the halts and the unclaimed hints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.database import Database
from harkara.ledger.halts import PRODUCER, active_halts
from harkara.ledger.leases import SET_BACK, TransactionLease
from harkara.ledger.messages.due import MANY_FLOWS, Flow, due_flows, heads_on_postgres
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.states import State


class DispatchState(NamedTuple):
    """The flows with a due message in order, without those on hold, and what limits them.

    `halted` lanes release nothing, or one message as a probe once the halt has run out (True). `queued` counts the
    unclaimed hints of each lane that has a flow: they will use slots. With `many` flows in the ledger, also of messages
    for later, one process looks at them for all.
    """

    flows: list[Flow]
    halted: dict[str, bool]
    queued: Counter[str]
    many: bool = True


_HALTS = """
SELECT json_agg(json_build_array(lane, scope, subject, until <= free.now)) FROM halt
WHERE scope IN ('lane', 'producer')
"""
_QUEUED = """
SELECT json_object_agg(lane, number) FROM (
    SELECT lane, count(*) AS number FROM message
    WHERE state IN ('queued', 'claimed', 'sending') AND state = 'queued' AND EXISTS (SELECT 1 FROM due) GROUP BY lane
) AS queued
"""

# One round trip, and nothing but the lease is read while the dispatch is not due.
_READ = f"""
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT clock_timestamp() AS now
), free AS MATERIALIZED (
    SELECT moment.now FROM {{each}} CROSS JOIN moment
    WHERE NOT EXISTS (
        SELECT 1 FROM duty WHERE name = each.name
            AND (
                until > moment.now AND until <= moment.now + make_interval(secs => each.ahead)
                OR done_at > moment.now - make_interval(secs => each.pause)
                    AND done_at <= moment.now + make_interval(secs => each.ahead)
            )
    )
), {heads_on_postgres("EXISTS (SELECT 1 FROM free)")}, due AS MATERIALIZED (
    SELECT lane, priority, producer FROM free JOIN head ON head.due_at <= free.now ORDER BY lane, priority, producer
)
SELECT free.now, (SELECT json_agg(json_build_array(lane, priority, producer)) FROM due),
    ({_HALTS}), ({_QUEUED}), (SELECT count(*) FROM head)
FROM free
"""
_COLUMNS = {"name": "text", "pause": "double precision", "ahead": "double precision"}


def read_dispatch_state(db: Database, lanes: Collection[str], lease: TransactionLease | None) -> DispatchState | None:
    """Return what a dispatch of these lanes decides by, None while its lease is not free. Raises Unavailable."""
    return _read_at_once(db, lanes, lease) if not db.sqlite else _read_each(db, lanes, lease)


def _read_at_once(db: Database, lanes: Collection[str], lease: TransactionLease | None) -> DispatchState | None:
    row = {"name": lease.name if lease else "", "pause": lease.every_seconds if lease else 0.0}
    row["ahead"] = SET_BACK.total_seconds()
    found = db.execute_each(_READ, _COLUMNS, [row])
    if not found:
        return None
    now, flows, halts, queued, number = found[0]
    assert isinstance(now, datetime)
    db.observe_now(now.astimezone(UTC))
    state = _state(lanes, (Flow(*flow) for flow in flows or ()), halts or (), Counter(queued or {}))
    return state._replace(many=number > MANY_FLOWS)


def _read_each(db: Database, lanes: Collection[str], lease: TransactionLease | None) -> DispatchState | None:
    with db.read() as tx:
        if lease and not lease.is_free(tx):
            return None
        flows = due_flows(tx)
        halts = [(each.lane, each.scope, each.subject, each.probing) for each in active_halts(tx)]
        return _state(lanes, flows, halts, _count_queued(tx) if flows else Counter())._replace(many=False)


def _state(
    lanes: Collection[str],
    flows: Iterable[Flow],
    halts: Iterable[tuple[str, str, str, bool | None]],
    queued: Counter[str],
) -> DispatchState:
    halts = list(halts)
    held = {(lane, subject) for lane, scope, subject, probing in halts if scope == PRODUCER and not probing}
    released = [flow for flow in flows if flow.lane in lanes and (flow.lane, flow.producer) not in held]
    halted = {lane: bool(probing) for lane, scope, _, probing in halts if scope == "lane"}
    named = {flow.lane for flow in released}
    return DispatchState(released, halted, Counter({lane: number for lane, number in queued.items() if lane in named}))


def _count_queued(tx: Transaction) -> Counter[str]:
    query = select(message.c.lane, func.count().label("number")).group_by(message.c.lane)
    return Counter({row.lane: row.number for row in tx.execute(query.where(LEASED, in_state(State.QUEUED)))})
