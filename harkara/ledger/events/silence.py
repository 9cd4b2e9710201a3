"""Silence: lanes whose messages go out while no webhook comes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import func, select

from harkara.lanes import Lane
from harkara.ledger.database import Database, Transaction
from harkara.ledger.tables import attempt, event

_EVER = datetime(2009, 1, 1, tzinfo=UTC)


def silences(db: Database, lanes: Mapping[str, Lane]) -> dict[str, float]:
    """For each lane with a webhook secret: for how many seconds messages have been accepted and no event has come.

    0 where the last accepted message was followed by an event, or none was accepted yet. Raises Unavailable.
    """
    with db.read() as tx:
        return {name: _silence(tx, name) for name, lane in lanes.items() if lane.hears}


def _silence(tx: Transaction, lane: str) -> float:
    """From the first POST after the last event. Those without echo were made before the lane had a secret."""
    last = tx.execute(select(func.max(event.c.received_at)).where(event.c.lane == lane)).scalar()
    first = tx.execute(
        select(attempt.c.started_at)
        .where(
            attempt.c.lane == lane,
            attempt.c.started_at > (last or _EVER),
            attempt.c.outcome == "accepted",
            attempt.c.echo.is_not(None),
        )
        .order_by(attempt.c.started_at)
        .limit(1)
    ).scalar()
    return (tx.now - first).total_seconds() if first else 0.0
