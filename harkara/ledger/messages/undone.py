"""Messages that are not done, by lane: what is waiting, being sent or uncertain, however many were sent before."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select, text, union_all

from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import message
from harkara.states import State

# Each has a partial index, so that no count reads what is done.
_UNDONE = (in_state(State.WAITING), LEASED, in_state(State.UNCERTAIN))

# A loose index scan: it jumps from one lane to the next.
_POSTED_LANES = text("""
WITH RECURSIVE posted(lane) AS (
    SELECT (SELECT lane FROM attempt ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT lane FROM attempt WHERE lane > posted.lane ORDER BY lane LIMIT 1) FROM posted
    WHERE posted.lane IS NOT NULL
)
SELECT lane FROM posted WHERE lane IS NOT NULL
""")


def count_undone(db: Database) -> dict[str, dict[str, int]]:
    """Return how many messages are not done, by lane, then by state. Raises Unavailable."""
    number = func.count().label("number")
    parts = (
        select(message.c.lane, message.c.state, number).where(which).group_by(message.c.lane, message.c.state)
        for which in _UNDONE
    )
    found: dict[str, dict[str, int]] = {}
    with db.read() as tx:
        for lane, state, count in tx.execute(union_all(*parts)):
            found.setdefault(lane, {})[state] = count
    return found


def known_lanes(db: Database, undone: Mapping[str, object] | None = None) -> set[str]:
    """Return the lanes that have POSTed, or have messages that are not `undone` yet. Raises Unavailable."""
    with db.read() as tx:
        posted = set(tx.execute(_POSTED_LANES).scalars())
    return posted | (count_undone(db) if undone is None else undone).keys()
