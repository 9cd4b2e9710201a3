"""The slots that a lane used in its last window, for a limiter that lost its memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from harkara.lanes import Lane
from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import attempt, message
from harkara.states import State

_LONGEST_POST = 60.0
"""Seconds before the window in which an attempt may have started that ended within it."""


def slots_used(
    db: Database, lane: str, window_seconds: float, horizon_seconds: float, unsent_seconds: float, own_claims: int
) -> list[float]:
    """Return the ages in seconds of the lane's POSTs within the window, one for each slot.

    A negative age is a POST that may still come: claims of other workers may hold slots up to `horizon_seconds` ahead,
    and a begun message that misses its slots may be POSTed up to `unsent_seconds` after its begin. `own_claims` is how
    many claims the calling worker holds without slots. Raises Unavailable.
    """
    with db.read() as tx:
        posts = tx.execute(
            select(attempt.c.started_at, attempt.c.ended_at, attempt.c.weight).where(
                attempt.c.lane == lane,
                attempt.c.started_at > tx.now - timedelta(seconds=window_seconds + _LONGEST_POST),
            )
        ).all()
        claims = tx.execute(
            select(func.coalesce(func.sum(message.c.weight), 0)).where(
                message.c.lane == lane, LEASED, in_state(State.CLAIMED), message.c.lease_until > tx.now
            )
        ).scalar_one()
        least = -horizon_seconds
        ages = [age for post in posts for age in [max(_age(post, tx.now, unsent_seconds), least)] * post.weight]
    return [age for age in ages if age < window_seconds] + [least] * max(0, int(claims) - own_claims)


_WINDOW = {"lane": "text", "since": "timestamptz"}
_POSTED = """
SELECT each.lane, (
    SELECT coalesce(sum(weight), 0) FROM attempt WHERE attempt.lane = each.lane AND attempt.started_at > each.since
) AS posted
FROM {each}
"""


def allowances_used(db: Database, lanes: Mapping[str, Lane]) -> dict[str, float]:
    """Return the share of its allowance that each lane's POSTs of the last window used. Raises Unavailable."""
    limited = {name: allowance for name, lane in lanes.items() if (allowance := lane.allowance)}
    with db.read() as tx:
        windows = [
            {"lane": name, "since": tx.now - timedelta(seconds=allowance.window)} for name, allowance in limited.items()
        ]
        found = tx.execute_each(_POSTED, _WINDOW, windows)
    return {name: int(weight) / limited[name].count for name, weight in found}


def _age(post: Any, now: datetime, unsent_seconds: float) -> float:
    """Return the least age of a POST: an attempt starts before its slot, so its end counts.

    An open attempt may have missed its slots and hold a later one.
    """
    if post.ended_at:
        return float((now - post.ended_at).total_seconds())
    return float((now - post.started_at).total_seconds()) - unsent_seconds
