"""Find lanes whose messages are accepted while no webhook arrives."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import func, select

from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.tables import attempt, event
from harkara.ledger.transaction import Transaction

_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC)


def webhook_silences(db: Database, lanes: Mapping[str, Lane]) -> dict[str, float]:
    """Return, for each lane with a webhook secret, the seconds since the first POST that no event has followed.

    0 when an event has followed the last accepted message, or no message was accepted yet. Raises Unavailable.
    """
    with db.read() as tx:
        return {name: _silence(tx, name) for name, lane in lanes.items() if lane.webhooks_enabled}


def _silence(tx: Transaction, lane: str) -> float:
    last = tx.execute(select(func.max(event.c.received_at)).where(event.c.lane == lane)).scalar()
    first = tx.execute(
        select(attempt.c.started_at)
        .where(
            attempt.c.lane == lane,
            attempt.c.started_at > (last or _EARLIEST),
            attempt.c.outcome == "accepted",
            attempt.c.echo.is_not(None),  # an attempt without a fingerprint is older than the lane's secret
        )
        .order_by(attempt.c.started_at)
        .limit(1)
    ).scalar()
    return (tx.now - first).total_seconds() if first else 0.0
