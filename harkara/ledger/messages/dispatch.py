"""Dispatch: mark due messages `queued`, as many as their lanes have capacity for, and return them as hints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import update

from harkara.lanes import Lane
from harkara.ledger.conditions import sql_list, still_in, unlocked
from harkara.ledger.database import Database
from harkara.ledger.leases import ACQUIRED, SET_BACK, TransactionLease
from harkara.ledger.messages.dispatch_state import DispatchState, read_dispatch_state
from harkara.ledger.messages.due import (
    PLACED_ON_POSTGRES,
    SHARE_COLUMNS,
    Share,
    choose_fairly,
    share_rows,
)
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.limits import Allowance
from harkara.states import Action, State, allowed_from

Capacities = Callable[[Mapping[str, Allowance]], Mapping[str, tuple[int, int]]]
"""Asks the limiter how many slots each lane has within its horizon: (for urgent messages, for marketing)."""

MARKETING = 3
"""The priority that may not use the part of the allowance which is reserved for urgent messages."""

_DISPATCHED = sql_list(allowed_from(State.QUEUED, by=Action.DISPATCH))

_UNSYNCED = "(SELECT set_config('synchronous_commit', 'off', true)) AS unsynced"
"""SQL of PostgreSQL: a source of one row, with which a statement that commits by itself does not wait for the disk."""

_MARK = f"""
UPDATE message SET state = 'queued', lease_until = :lease, changed_at = :now
WHERE id IN (
    SELECT message.id FROM message JOIN {{each}} ON message.id = each.id
    WHERE coalesce(state, '') IN ({_DISPATCHED})
    {{skip_locked}}
)
RETURNING id, priority
"""

# One statement chooses, locks and marks, under the lease. It costs one round trip and commits by itself. The arrays let
# PostgreSQL find the rows by their ids whatever number it expects. Its snapshot may be older than the lease: a message
# that the last holder has released meanwhile fails the comparison of the state after it is locked.
# It is prepared, so that it finds the messages of a flow by ix_message_due alone and by a plain scan: with 45,000
# dispatched messages that vacuum had not removed yet, another plan took 200 ms to look at each of them again.
# It does not wait for the disk. If a crash of the database loses it, the messages wait as before, and their hints are
# harmless. No later commit can be on the disk without it.
_RELEASE = f"""
WITH acquired AS ({{acquired}}), {PLACED_ON_POSTGRES}, marked AS (
    UPDATE message SET state = 'queued', lease_until = :lease, changed_at = :now
    WHERE id = ANY(ARRAY(
        SELECT id FROM message
        WHERE id = ANY(ARRAY(SELECT id FROM placed WHERE place <= most AND EXISTS (SELECT 1 FROM acquired)))
            AND coalesce(state, '') IN ({_DISPATCHED})
        {{skip_locked}}
    ))
    RETURNING id, priority
)
SELECT (SELECT json_agg(id ORDER BY lane, place) FROM placed WHERE place <= most),
    (SELECT json_object_agg(id, priority) FROM marked)
FROM {_UNSYNCED}, acquired
"""
_RELEASE_LEASED = _RELEASE.replace("{acquired}", ACQUIRED)
_RELEASE_UNLEASED = _RELEASE.replace("{acquired}", "SELECT 1 AS name")
_ACQUIRE = f"WITH acquired AS ({ACQUIRED}) SELECT NULL, NULL FROM {_UNSYNCED}, acquired"


class Release(NamedTuple):
    """The released messages as (id, priority), in the order to hint them.

    `unclaimed` is how many earlier hints of the fullest lane no worker has claimed yet.
    """

    hints: list[tuple[str, int]]
    unclaimed: int


NOTHING = Release([], 0)


def dispatch(
    db: Database,
    lanes: Mapping[str, Lane],
    capacities: Capacities,
    *,
    depth: int,
    queued_seconds: float,
    lease: TransactionLease | None = None,
    may_hint: Callable[[], bool] = lambda: True,
) -> Release:
    """Release the due messages that their lanes have capacity for; nothing while another process has the `lease`.

    A lane without a limit holds at most `depth` queued messages. `may_hint` is asked when a message is due. Raises
    Unavailable when the database or the limiter does not answer; then nothing is released.
    """
    state = read_dispatch_state(db, lanes, lease)
    if state is None or (state.flows and not may_hint()):
        return NOTHING
    if not state.flows and not state.many:
        return NOTHING  # an idle ledger is not written to
    slots = _free_slots(lanes, {flow.lane for flow in state.flows}, capacities)
    hints = _release(db, _shares(state, slots, depth), lease, queued_seconds)
    return NOTHING if hints is None else Release(hints, max(state.queued.values(), default=0))


def unqueue(db: Database, ids: Iterable[str]) -> None:
    """Make messages due again at once, instead of after the lease, if their hint could not be published."""
    with db.write() as tx:
        tx.execute(
            update(message)
            .where(unlocked(message.c.id.in_(list(ids)), still_in(*allowed_from(State.WAITING, by=Action.DISPATCH))))
            .values(state=State.WAITING.value, lease_until=None, changed_at=tx.now)
        )


def _free_slots(
    lanes: Mapping[str, Lane], names: Iterable[str], capacities: Capacities
) -> Mapping[str, tuple[int, int]]:
    limited = {name: allowance for name in names if (allowance := lanes[name].allowance)}
    return capacities(limited) if limited else {}


def _shares(state: DispatchState, slots: Mapping[str, tuple[int, int]], depth: int) -> list[Share]:
    """Return how many messages of its lane each flow may wait for, and still go, if it may go at all."""
    shares = []
    for flow in state.flows:
        urgent, marketing = slots.get(flow.lane, (depth, depth))
        most = urgent if flow.priority < MARKETING else min(urgent, marketing)
        if flow.lane in state.halted:
            most = min(urgent, 1) if state.halted[flow.lane] else 0
        shares.append(Share(flow, most - state.queued[flow.lane]))
    return [share for share in shares if share.most > 0]


def _release(
    db: Database, shares: Sequence[Share], lease: TransactionLease | None, queued_seconds: float
) -> list[tuple[str, int]] | None:
    """Mark what the shares let go; return it as hints, or None if another process holds the lease."""
    if not db.sqlite:
        hints = _release_at_once(db, shares, lease, queued_seconds)
        if hints is None and lease and lease.add(db):  # the first dispatch of this ledger
            hints = _release_at_once(db, shares, lease, queued_seconds)
        return hints
    with db.write() as tx:
        if lease and not lease.acquire(tx):
            return None
        return _mark_queued(tx, choose_fairly(tx, shares), queued_seconds)


def _release_at_once(
    db: Database, shares: Sequence[Share], lease: TransactionLease | None, queued_seconds: float
) -> list[tuple[str, int]] | None:
    if not lease and not shares:
        return []
    leased = _RELEASE_LEASED if shares else _ACQUIRE
    now = db.now()
    rows = db.execute_each(
        leased if lease else _RELEASE_UNLEASED,
        SHARE_COLUMNS,
        share_rows(shares),
        texts={"name": lease.name, "holder": lease.holder} if lease else {},
        now=now,
        lease=now + timedelta(seconds=queued_seconds),
        before=lease.free_before(now) if lease else now,
        ahead=now + SET_BACK,
    )
    if not rows:
        return None
    chosen, marked = rows[0]
    return [(identity, marked[identity]) for identity in chosen or () if marked and identity in marked]


def _mark_queued(tx: Transaction, ids: Sequence[str], queued_seconds: float) -> list[tuple[str, int]]:
    if not ids:
        return []
    rows = [{"id": identity} for identity in ids]
    lease = tx.now + timedelta(seconds=queued_seconds)
    priority: dict[str, int] = dict(tx.execute_each(_MARK, {"id": "text"}, rows, now=tx.now, lease=lease))
    return [(identity, priority[identity]) for identity in ids if identity in priority]
