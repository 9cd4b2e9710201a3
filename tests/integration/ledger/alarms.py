"""Steps with goals and alarms: time passes by moving what was recorded into the past."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from harkara.goals import Goals, Reading
from harkara.ledger.alarms.record import Changes, record
from harkara.ledger.database import Database
from harkara.ledger.tables import alarm, goal

GOALS = Goals.model_validate(
    {
        "open-after": "2m",
        "close-after": "5m",
        "uncertain": {"most": 0, "after": "1h"},
        "errors": {"most": 5, "period": "1h"},
        "beat": {"most": "60s"},
    }
)


def measured(
    db: Database, value: float | None, *receivers: str, goal: str = "errors", lane: str = "default"
) -> Changes:
    """Record one reading."""
    return record(db, GOALS, [Reading(goal, value, lane)], receivers)


def wait_minutes(db: Database, minutes: float) -> None:
    """Move the times of goals and alarms into the past."""
    with db.write() as tx:
        for table, key, moments in (
            (goal, (goal.c.goal, goal.c.lane, goal.c.subject), ("since", "measured_at")),
            (alarm, (alarm.c.id,), ("opened_at", "missed_since", "closed_at")),
        ):
            for row in tx.rows(select(table)):
                past: dict[str, datetime] = {
                    name: row[name] - timedelta(minutes=minutes) for name in moments if row[name] is not None
                }
                tx.execute(update(table).where(*(each == row[each.name] for each in key)).values(**past))


def open_one(db: Database, *receivers: str, goal: str = "errors", lane: str = "default", value: float = 9.0) -> str:
    """Open an alarm; return its id."""
    measured(db, value, *receivers, goal=goal, lane=lane)
    wait_minutes(db, 3)
    (opened,) = measured(db, value, *receivers, goal=goal, lane=lane).opened
    return opened.id
