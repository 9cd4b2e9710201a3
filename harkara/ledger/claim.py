"""Claim: one worker takes a chunk of messages under a lease; whoever comes second gets nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select, update

from harkara.ledger.database import Database, Transaction
from harkara.ledger.tables import message
from harkara.states import State


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in the hands of this worker. `epoch` fences: a later claim makes every write of this one fail."""

    id: str
    epoch: int
    lane: str
    producer: str
    recipient: str
    kind: str
    template: str | None
    category: str
    priority: int
    quiet: bool
    body: str
    weight: int
    expires_at: datetime
    tries: int
    waits: int
    waited_for: str | None
    resends: int
    maybe_duplicate: bool
    claimed_at: datetime
    occasion_id: str | None = None
    fallback: str | None = field(default=None, repr=False)


_TAKEN = [message.c[f.name] for f in fields(Claimed) if f.name not in ("claimed_at",)]


def claim(db: Database, ids: Sequence[str], lease_seconds: float) -> list[Claimed]:
    """Takes those of `ids` that are hinted or due, most urgent first; the others are somebody else's by now.

    One conditional UPDATE for all. It counts the claims, so that the sweep knows a message for poison which has been
    claimed too often without an outcome. Raises Unavailable.
    """
    with db.write(once=True) as tx:
        rows = tx.rows(
            update(message)
            .where(message.c.id.in_(_free(tx, ids)))
            .values(
                state=State.CLAIMED.value,
                epoch=message.c.epoch + 1,
                claims=message.c.claims + 1,
                strikes=message.c.strikes + 1,
                lease_until=tx.now + timedelta(seconds=lease_seconds),
                changed_at=tx.now,
            )
            .returning(*_TAKEN)
        )
        claimed = [Claimed(**row, claimed_at=tx.now) for row in rows]
    return sorted(claimed, key=lambda one: (one.priority, one.expires_at, one.id))


def in_state(*states: State) -> ColumnElement[bool]:
    """A condition on the state as a literal: a bound parameter would hide the partial indexes from both databases."""
    return message.c.state.in_(_literals(states)) if len(states) > 1 else message.c.state == _literals(states)[0]


def still_in(*states: State) -> ColumnElement[bool]:
    """The same for rows that are looked up by id: an expression that no index knows.

    PostgreSQL would otherwise walk the index of the state, thousands of rows, as long as its statistics are young.
    """
    return func.coalesce(message.c.state, literal_column("''")).in_(_literals(states))


def _literals(states: Iterable[State]) -> list[ColumnElement[str]]:
    return [literal_column(f"'{state.value}'") for state in states]


IN_HAND = in_state(State.QUEUED, State.CLAIMED, State.SENDING)
"""What has a lease. SQLite uses their index only for a query with this very condition, whatever else it asks for."""


def _free(tx: Transaction, ids: Iterable[str]) -> Select[str]:
    return (
        select(message.c.id)
        .where(
            message.c.id.in_(list(ids)),
            or_(still_in(State.QUEUED), and_(still_in(State.WAITING), message.c.due_at <= tx.now)),
        )
        .with_for_update(skip_locked=True)  # two workers with the same hint must not wait for each other
    )
