"""The slots that a lane used in its last window, for a limiter that lost its memory."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import attempt, message
from harkara.states import State


def slots_used(db: Database, lane: str, window_seconds: float, horizon_seconds: float, own_claims: int) -> list[float]:
    """Return the ages in seconds of the lane's POSTs within the window, one for each slot.

    A negative age is a POST that may still come: claims of other workers may hold slots up to `horizon_seconds` ahead.
    `own_claims` is how many claims the calling worker holds without slots. Raises Unavailable.
    """
    with db.read() as tx:
        posts = tx.execute(
            select(attempt.c.started_at, attempt.c.ended_at, attempt.c.weight).where(
                attempt.c.lane == lane, attempt.c.started_at > tx.now - timedelta(seconds=window_seconds)
            )
        ).all()
        claims = tx.execute(
            select(func.coalesce(func.sum(message.c.weight), 0)).where(
                message.c.lane == lane, LEASED, in_state(State.CLAIMED), message.c.lease_until > tx.now
            )
        ).scalar_one()
        # An open attempt may have missed its slot and hold a later one, up to the horizon ahead.
        ages = [
            (tx.now - post.started_at).total_seconds() - (0.0 if post.ended_at else horizon_seconds)
            for post in posts
            for _ in range(post.weight)
        ]
    return ages + [-horizon_seconds] * max(0, int(claims) - own_claims)
