"""The number of messages in each state, counted one by one."""

from __future__ import annotations

from sqlalchemy import func, select

from harkara.ledger.database import Database
from harkara.ledger.tables import message


def count_by_state(db: Database) -> dict[str, dict[str, int]]:
    """Count all messages by lane, then by state."""
    by_lane: dict[str, dict[str, int]] = {}
    with db.read() as tx:
        query = select(message.c.lane, message.c.state, func.count().label("number"))
        for row in tx.execute(query.group_by(message.c.lane, message.c.state)):
            by_lane.setdefault(row.lane, {})[row.state] = row.number
    return by_lane
