"""Dispatch: what is due and has room in its lane is marked `queued` and handed out as hints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import func, select, update

from harkara.lanes import Lane
from harkara.ledger.conditions import LEASED, in_state, still_in
from harkara.ledger.database import Database, Transaction
from harkara.ledger.halts import active_halts
from harkara.ledger.messages.due import Flow, choose_fairly, due_flows, held_producers
from harkara.ledger.tables import message
from harkara.limits import Allowance
from harkara.states import State

Capacities = Callable[[Mapping[str, Allowance]], Mapping[str, tuple[int, int]]]
"""Asks the limiter how many slots each lane has within its horizon: (for urgent messages, for marketing)."""

MARKETING = 3
"""The priority that may not use the part of the allowance which is kept for what is urgent."""


class Release(NamedTuple):
    """What goes now, as (id, priority) in the order to hint them, and how much of one lane nobody had taken before."""

    hints: list[tuple[str, int]]
    left: int


def dispatch(
    db: Database, lanes: Mapping[str, Lane], room: Capacities, *, depth: int, queued_seconds: float
) -> Release:
    """Releases the due messages that their lanes let go now.

    A lane without a limit holds at most `depth` queued messages. Raises Unavailable when the database or the limiter
    cannot be asked: nothing is released then.
    """
    with db.read() as tx:
        held = held_producers(tx)
        streams = [s for s in due_flows(tx) if s.lane in lanes and (s.lane, s.producer) not in held]
        stopped = {h.lane: h for h in active_halts(tx) if h.scope == "lane"}
        queued = _queued(tx, {s.lane for s in streams})
    if not streams:
        return Release([], 0)
    limited = {name: a for name in {s.lane for s in streams} if (a := lanes[name].allowance)}
    slots = room(limited) if limited else {}
    with db.write() as tx:
        chosen: list[str] = []
        for lane, of_lane in groupby(streams, key=lambda stream: stream.lane):
            if lane in stopped and not stopped[lane].probing:
                continue
            urgent, marketing = slots.get(lane, (depth, depth))
            taken = queued[lane]
            if lane in stopped:
                urgent = marketing = min(urgent, 1)
            chosen += _choose(tx, list(of_lane), urgent - taken, marketing - taken)
        return Release(_release(tx, chosen, queued_seconds), max(queued.values(), default=0))


def unqueue(db: Database, ids: Iterable[str]) -> None:
    """Takes back what could not be hinted: due again at once, instead of after the lease."""
    with db.write() as tx:
        tx.execute(
            update(message)
            .where(message.c.id.in_(list(ids)), still_in(State.QUEUED))
            .values(state=State.WAITING.value, lease_until=None, changed_at=tx.now)
        )


def _queued(tx: Transaction, lanes: Iterable[str]) -> Counter[str]:
    """How many hints of each lane are still on their way: they will take slots, so they count as taken."""
    query = select(message.c.lane, func.count().label("number")).group_by(message.c.lane)
    counts = tx.execute(query.where(LEASED, in_state(State.QUEUED), message.c.lane.in_(list(lanes))))
    return Counter({row.lane: row.number for row in counts})


def _choose(tx: Transaction, streams: list[Flow], urgent: int, marketing: int) -> list[str]:
    first = choose_fairly(tx, [s for s in streams if s.priority < MARKETING], urgent)
    return first + choose_fairly(tx, [s for s in streams if s.priority >= MARKETING], marketing - len(first))


def _release(tx: Transaction, ids: list[str], queued_seconds: float) -> list[tuple[str, int]]:
    if not ids:
        return []
    marked = tx.execute(
        update(message)
        .where(message.c.id.in_(ids), still_in(State.WAITING))
        .values(
            state=State.QUEUED.value,
            lease_until=tx.now + timedelta(seconds=queued_seconds),
            changed_at=tx.now,
        )
        .returning(message.c.id, message.c.priority)
    )
    priority = {row.id: row.priority for row in marked}
    return [(identity, priority[identity]) for identity in ids if identity in priority]
