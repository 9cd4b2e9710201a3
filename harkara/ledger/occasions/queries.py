"""Reads occasions, their reminders, and which reminders their occasions have outdated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from harkara.errors import NotFound
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.messages.queries import reminder_summary
from harkara.ledger.occasions.derivation import plan_reminders, slot, slot_of
from harkara.ledger.occasions.rows import superseded_reason
from harkara.ledger.tables import message, occasion
from harkara.occasions import OccasionKey, ReminderPlan, SkippedReminder
from harkara.occasions.status import OccasionStatus, OccasionSummary, SkippedRule

_SHOWN = ("id", "kind", "reference", "lane", "producer", "zone", "version", "revision", "status", "reason")


def list_occasions(
    db: Database, *, kind: str | None = None, status: str | None = None, lane: str | None = None, limit: int = 50
) -> list[OccasionSummary]:
    """Occasions that match every filter given, the latest `at` first, at most `limit` of them."""
    equal = {"kind": kind, "status": status, "lane": lane}
    conditions = [occasion.c[name] == value for name, value in equal.items() if value is not None]
    with db.read() as tx:
        rows = tx.rows(select(occasion).where(*conditions).order_by(occasion.c.at.desc(), occasion.c.id).limit(limit))
    return [OccasionSummary(**_summary(row)) for row in rows]


def get_occasion(db: Database, key: OccasionKey, plan: ReminderPlan) -> OccasionStatus:
    """One occasion with all its reminders, and the rules without one. Raises NotFound."""
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(occasion).where(*(occasion.c[name] == value for name, value in key._asdict().items())))
        if not found:
            raise NotFound(f"no {key.kind} of lane {key.lane} has this reference")
        row = found[0]
        own = message.c.occasion_id == row["id"]
        reminders = tx.rows(select(message).where(own).order_by(message.c.due_at, message.c.id))
        results = plan_reminders(row, plan, tx.now)
    present = {slot_of(each) for each in reminders}
    skipped = (each for each in results if isinstance(each, SkippedReminder) and slot(row, each.rule) not in present)
    return OccasionStatus(
        **_summary(row),
        reminders=tuple(reminder_summary(each) for each in reminders),
        skipped=tuple(SkippedRule(rule=each.rule, code=each.code, reason=each.reason) for each in skipped),
    )


def outdated_reminders(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """Return those of these messages whose occasion is over or has a newer revision, each with the reason."""
    if not ids:
        return {}
    columns = (occasion.c.kind, occasion.c.status, occasion.c.reason, occasion.c.revision)
    rows = tx.rows(
        select(message.c.id, message.c.revision.label("own"), *columns)
        .join(occasion, occasion.c.id == message.c.occasion_id)
        .where(message.c.id.in_(list(ids)))
    )
    return {
        row["id"]: superseded_reason(row) for row in rows if row["status"] != "open" or row["own"] != row["revision"]
    }


def _summary(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN} | {"at": row["at"].astimezone(ZoneInfo(row["zone"]))}
