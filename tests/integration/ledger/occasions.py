"""Occasions in tests: an appointment, the shipped reminder plan, and the rows in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from harkara.catalogue import Catalogue
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import UpdateResult, save_occasions
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Row
from harkara.occasions import Closing, Occasion, OccasionUpdate, ReminderPlan, Rules
from harkara.shared_defaults import DEADLINES

CONFIG = Path(__file__).parents[3] / "config"
LANE = Lane("default", "token", None, zone=ZoneInfo("Asia/Kolkata"))
VISIT: Mapping[str, str] = {
    "doctor": "Dr Rao",
    "place": "Room 4",
    "duration": "20 minutes",
    "helpline": "080 4000 1234",
}
"""Without date and time, which the shipped rules fill."""


def load_plan(rules: str | None = None, lane: Lane = LANE) -> ReminderPlan:
    """Return the plan of the shipped rules, or of another file."""
    path = CONFIG / "reminders.toml"
    if rules is not None:
        path = Path(rules)
    return ReminderPlan.from_lanes(Rules.load(path), Catalogue.load(CONFIG / "templates.toml"), {lane.name: lane})


PLAN = load_plan()


def noon(days: int = 3) -> datetime:
    """Return noon in Kolkata on the day `days` from today, in UTC."""
    day = datetime.now(ZoneInfo("Asia/Kolkata")) + timedelta(days=days)
    return day.replace(hour=12, minute=0, second=0, microsecond=0).astimezone(UTC)


def visit(reference: str = "visit 7", *, at: datetime | None = None, **other: Any) -> Occasion:
    usual: dict[str, Any] = {"kind": "appointment", "to": "+919876500001", "zone": "Asia/Kolkata", "parameters": VISIT}
    return Occasion(**usual | {"reference": reference, "at": at or noon()} | other)


def closing(status: Any = "cancelled", reference: str = "visit 7", **other: Any) -> Closing:
    return Closing(**{"kind": "appointment", "reference": reference, "status": status} | other)


def save(db: Database, *updates: OccasionUpdate, plan: ReminderPlan = PLAN) -> list[UpdateResult]:
    return save_occasions(db, updates, plan, DEADLINES)


def occasion_rows(db: Database) -> list[Row]:
    with db.read() as tx:
        return tx.rows(select(occasion).order_by(occasion.c.id))


def reminder_rows(db: Database, rule: str | None = None, state: str | None = None) -> list[Row]:
    """Return the reminders with this rule and state, oldest first."""
    query = select(message).where(message.c.occasion_id.is_not(None)).order_by(message.c.id)
    with db.read() as tx:
        return [row for row in tx.rows(query) if rule in (None, row["rule"]) and state in (None, row["state"])]


def rules_and_states(db: Database) -> list[tuple[str, str]]:
    """Return rule and state of every reminder, oldest first."""
    return [(row["rule"], row["state"]) for row in reminder_rows(db)]


def move_into_past(db: Database, by: timedelta) -> None:
    """Simulate the passing of time: subtract `by` from all times of occasions and reminders."""
    with db.write() as tx:
        for row in tx.rows(select(occasion)):
            tx.execute(update(occasion).where(occasion.c.id == row["id"]).values(at=row["at"] - by))
        for row in tx.rows(select(message)):
            old, new = (f"{at:%Y%m%dT%H%M%SZ}" for at in (_at(row), _at(row) - by))
            values = {"due_at": row["due_at"] - by, "expires_at": row["expires_at"] - by}
            values["reference"] = str(row["reference"]).replace(old, new)
            tx.execute(update(message).where(message.c.id == row["id"]).values(**values))


def _at(row: Row) -> datetime:
    return datetime.strptime(str(row["reference"]).split("/")[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
