"""Dispatch: mark due messages `queued`, as many as their lanes have capacity for, and return them as hints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import func, select, update

from harkara.lanes import Lane
from harkara.ledger.conditions import LEASED, in_state, still_in, unlocked
from harkara.ledger.database import Database, Transaction
from harkara.ledger.halts import Halt, active_halts
from harkara.ledger.messages.due import Flow, choose_fairly, due_flows, held_producers
from harkara.ledger.tables import message
from harkara.limits import Allowance
from harkara.states import Action, State, allowed_from

Capacities = Callable[[Mapping[str, Allowance]], Mapping[str, tuple[int, int]]]
"""Asks the limiter how many slots each lane has within its horizon: (for urgent messages, for marketing)."""

MARKETING = 3
"""The priority that may not use the part of the allowance which is reserved for urgent messages."""


class Release(NamedTuple):
    """The released messages as (id, priority), in the order to hint them.

    `unclaimed` is how many earlier hints of the fullest lane no worker has claimed yet.
    """

    hints: list[tuple[str, int]]
    unclaimed: int


def dispatch(
    db: Database, lanes: Mapping[str, Lane], capacities: Capacities, *, depth: int, queued_seconds: float
) -> Release:
    """Release the due messages that their lanes have capacity for.

    A lane without a limit holds at most `depth` queued messages. Raises Unavailable when the database or the limiter
    does not answer; then nothing is released.
    """
    with db.read() as tx:
        flows = _released_flows(tx, lanes)
        halts = {halt.lane: halt for halt in active_halts(tx) if halt.scope == "lane"}
        queued = _count_queued(tx, {flow.lane for flow in flows})
    if not flows:
        return Release([], 0)
    slots = _free_slots(lanes, {flow.lane for flow in flows}, capacities)
    with db.write() as tx:
        chosen: list[str] = []
        for lane, of_lane in groupby(flows, key=lambda flow: flow.lane):
            free = _limit_to_probe(slots.get(lane, (depth, depth)), halts.get(lane))
            chosen += _choose(tx, list(of_lane), *(each - queued[lane] for each in free))
        return Release(_mark_queued(tx, chosen, queued_seconds), max(queued.values(), default=0))


def unqueue(db: Database, ids: Iterable[str]) -> None:
    """Make messages due again at once, instead of after the lease, if their hint could not be published."""
    with db.write() as tx:
        tx.execute(
            update(message)
            .where(unlocked(message.c.id.in_(list(ids)), still_in(*allowed_from(State.WAITING, by=Action.DISPATCH))))
            .values(state=State.WAITING.value, lease_until=None, changed_at=tx.now)
        )


def _released_flows(tx: Transaction, lanes: Collection[str]) -> list[Flow]:
    held = held_producers(tx)
    return [flow for flow in due_flows(tx) if flow.lane in lanes and (flow.lane, flow.producer) not in held]


def _count_queued(tx: Transaction, lanes: Iterable[str]) -> Counter[str]:
    """Count the unclaimed hints of each lane: they will use slots."""
    query = select(message.c.lane, func.count().label("number")).group_by(message.c.lane)
    counts = tx.execute(query.where(LEASED, in_state(State.QUEUED), message.c.lane.in_(list(lanes))))
    return Counter({row.lane: row.number for row in counts})


def _free_slots(
    lanes: Mapping[str, Lane], names: Iterable[str], capacities: Capacities
) -> Mapping[str, tuple[int, int]]:
    limited = {name: allowance for name in names if (allowance := lanes[name].allowance)}
    return capacities(limited) if limited else {}


def _limit_to_probe(free: tuple[int, int], halt: Halt | None) -> tuple[int, int]:
    """A halted lane releases nothing, and one message as a probe once its halt has run out."""
    if halt is None:
        return free
    most = min(free[0], 1) if halt.probing else 0
    return most, most


def _choose(tx: Transaction, flows: Sequence[Flow], urgent: int, marketing: int) -> list[str]:
    first = choose_fairly(tx, [flow for flow in flows if flow.priority < MARKETING], urgent)
    rest = [flow for flow in flows if flow.priority >= MARKETING]
    return first + choose_fairly(tx, rest, marketing - len(first))


def _mark_queued(tx: Transaction, ids: Sequence[str], queued_seconds: float) -> list[tuple[str, int]]:
    if not ids:
        return []
    marked = tx.execute(
        update(message)
        .where(unlocked(message.c.id.in_(ids), still_in(*allowed_from(State.QUEUED, by=Action.DISPATCH))))
        .values(
            state=State.QUEUED.value,
            lease_until=tx.now + timedelta(seconds=queued_seconds),
            changed_at=tx.now,
        )
        .returning(message.c.id, message.c.priority)
    )
    priority = {row.id: row.priority for row in marked}
    return [(identity, priority[identity]) for identity in ids if identity in priority]
