"""Finds the occasions whose reminders were derived from other rules than the present ones."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, TextClause, and_, or_, select, text

from harkara.ledger.tables import occasion
from harkara.ledger.transaction import Row, Transaction
from harkara.occasions import ReminderPlan


def stale_rows(tx: Transaction, plan: ReminderPlan, limit: int, *only: ColumnElement[bool]) -> list[Row]:
    """Lock and return up to `limit` occasions that match every condition in `only`.

    Open ones that are still to come are first. The others have a reminder planned after their time or their closing.
    """
    rows = _rows(tx, plan, _OPEN, limit, occasion.c.at > tx.now, *only)
    if len(rows) < limit:
        past = or_(occasion.c.status != "open", occasion.c.at <= tx.now)
        left = limit - len(rows)
        rows += _rows(tx, plan, _FOLLOWED_UP, left, occasion.c.follow_up_until > tx.now, past, *only)
    return rows


class _Part(NamedTuple):
    """The occasions in one partial index: its condition, and the query of each kind with each of its digests."""

    condition: TextClause
    digests: TextClause

    @classmethod
    def of_index(cls, where: str) -> _Part:
        """The query is a loose index scan: it jumps through the index."""
        following = f"SELECT {{}} FROM occasion WHERE {where} AND {{}} ORDER BY kind, rules LIMIT 1"
        return cls(
            text(where),
            text(f"""
WITH RECURSIVE each(id) AS (
    SELECT ({following.format("id", "true")})
    UNION ALL
    SELECT coalesce(
        ({following.format("id", "kind = at.kind AND rules > at.rules")}),
        ({following.format("id", "kind > at.kind")})
    ) FROM each JOIN occasion AS at ON at.id = each.id
)
SELECT kind, rules FROM occasion WHERE id IN (SELECT id FROM each)
"""),
        )


_OPEN: Final = _Part.of_index("status = 'open'")  # ix_occasion_rules
_FOLLOWED_UP: Final = _Part.of_index("follow_up_until IS NOT NULL")  # ix_occasion_follow_up


def _rows(tx: Transaction, plan: ReminderPlan, part: _Part, limit: int, *conditions: ColumnElement[bool]) -> list[Row]:
    found = tx.execute(part.digests).all()
    present = {plan.digest(kind, lane) for kind in {kind for kind, _ in found} for lane in plan.hours}
    old = [and_(occasion.c.kind == kind, occasion.c.rules == rules) for kind, rules in found if rules not in present]
    if not old:
        return []
    query = select(occasion).where(part.condition, or_(*old), occasion.c.lane.in_(list(plan.hours)), *conditions)
    return tx.rows(query.limit(limit).with_for_update(skip_locked=True))
