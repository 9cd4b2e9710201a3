"""Occasions in the ledger: what is said of them, in its order, and the reminders with it in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, bindparam, or_, select, text, tuple_, update
from uuid_utils import uuid7

from harkara.errors import Conflict, NotFound
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.messages.queries import reminder_summary
from harkara.ledger.occasions.reminders import DUE_AGAIN, derive, planned, slot, slot_of
from harkara.ledger.tables import message, occasion
from harkara.occasions import Closing, Occasion, OccasionUpdate, ReminderPlan, SkippedReminder
from harkara.occasions.occasion import OccasionKey
from harkara.receipt import Change

BATCH = 200
"""Occasions in one transaction, so that nobody waits long for it."""

UpdateResult = Change | Conflict | NotFound


def apply(
    db: Database, steps: Sequence[OccasionUpdate], plan: ReminderPlan, deadlines: Mapping[str, float]
) -> list[UpdateResult]:
    """Takes the steps in their order, with the reminders that follow from them; an answer for each.

    The same step again changes nothing. One with an older version than is known is OUTDATED; one with the same version
    that says something else answers Conflict, and the end of an occasion that nobody knows NotFound; neither stops the
    others. What carries no version always counts. To save an occasion that is over opens it again.

    Each BATCH is one transaction. Raises Unavailable; to repeat the call then is safe.
    """
    answers: list[UpdateResult] = []
    for start in range(0, len(steps), BATCH):
        with db.write() as tx:
            answers += _apply(tx, steps[start : start + BATCH], plan, deadlines)
    return answers


def rederive(db: Database, plan: ReminderPlan, deadlines: Mapping[str, float]) -> int:
    """Derives one BATCH of those that are still to come and were derived by other rules; returns how many they were."""
    with db.write() as tx:
        rows = _stale(tx, plan)
        for row in rows:
            row["revision"] += 1
        _keep(tx, rows, plan, deadlines)
    return len(rows)


def listing(
    db: Database, *, kind: str | None = None, status: str | None = None, lane: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Occasions that fit every filter, the latest first, as the outside sees them: without number and parameters."""
    equal = {"kind": kind, "status": status, "lane": lane}
    conditions = [occasion.c[name] == value for name, value in equal.items() if value is not None]
    with db.read() as tx:
        rows = tx.rows(select(occasion).where(*conditions).order_by(occasion.c.at.desc(), occasion.c.id).limit(limit))
    return [_summary(row) for row in rows]


def look(db: Database, key: OccasionKey, plan: ReminderPlan) -> dict[str, Any]:
    """An occasion with all its reminders, and of the rules without one the reason. Raises NotFound."""
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(occasion).where(*(occasion.c[name] == value for name, value in key._asdict().items())))
        if not found:
            raise NotFound(f"no {key.kind} of lane {key.lane} has this reference")
        mine = message.c.occasion_id == found[0]["id"]
        reminders = tx.rows(select(message).where(mine).order_by(message.c.due_at, message.c.id))
        answers = planned(found[0], plan, tx.now)
    present = {slot_of(each) for each in reminders}
    skipped = [
        each for each in answers if isinstance(each, SkippedReminder) and slot(found[0], each.rule) not in present
    ]
    return _summary(found[0]) | {
        "reminders": [reminder_summary(each) for each in reminders],
        "skipped": [{"rule": each.rule, "code": each.code, "reason": each.reason} for each in skipped],
    }


def _summary(row: Row) -> dict[str, Any]:
    names = ("id", "kind", "reference", "lane", "producer", "zone", "version", "revision", "status", "reason")
    local = row["at"].astimezone(ZoneInfo(row["zone"]))
    return {name: row[name] for name in names} | {"at": local.isoformat(timespec="seconds")}


def _apply(
    tx: Transaction, steps: Sequence[OccasionUpdate], plan: ReminderPlan, deadlines: Mapping[str, float]
) -> list[UpdateResult]:
    # In one order everywhere: two that bring the same occasions would else wait for each other for ever.
    fresh = sorted((_fresh(step, tx.now) for step in steps if isinstance(step, Occasion)), key=_key)
    if fresh:
        tx.execute(tx.insert_new(occasion), fresh)
    keys = sorted({step.key for step in steps})
    query = select(occasion).where(tuple_(*(occasion.c[name] for name in OccasionKey._fields)).in_(keys))
    rows = {_key(row): row for row in tx.rows(query.order_by(occasion.c.id).with_for_update())}
    before = {key: dict(row) for key, row in rows.items()}
    answers = [_take(rows.get(step.key), step) for step in steps]
    changed = [row for key, row in rows.items() if row != before[key]]
    for row in changed:
        row |= {"revision": row["revision"] + 1, "changed_at": tx.now}
    _keep(tx, changed, plan, deadlines)
    return answers


def _fresh(step: Occasion, now: datetime) -> Row:
    """A row that holds nothing yet, so that the step is taken like every later one."""
    return {
        "id": f"occ_{uuid7().hex}",
        **step.key._asdict(),
        "producer": step.producer,
        "recipient": None,
        "language": None,
        "parameters": None,
        "at": step.at,
        "zone": step.zone,
        "version": None,
        "revision": 0,
        "rules": DUE_AGAIN,
        "status": "open",
        "reason": None,
        "created_at": now,
        "changed_at": now,
    }


def _key(row: Row) -> OccasionKey:
    return OccasionKey(*(row[name] for name in OccasionKey._fields))


def _take(row: Row | None, step: OccasionUpdate) -> UpdateResult:
    """Writes into the row what the step says, unless something newer is known."""
    if row is None or (isinstance(step, Closing) and not row["revision"] and row["recipient"] is None):
        return NotFound(f"no {step.kind} of lane {step.lane} has this reference")
    created = not row["revision"] and row["recipient"] is None
    said = _said(step)
    same = all(row[name] == value for name, value in said.items())
    if step.version is not None and row["version"] is not None:
        if step.version < row["version"]:
            return Change.OUTDATED
        if step.version == row["version"] and not same:
            return Conflict(f"version {step.version} of this {step.kind} already says something else")
    row |= said | ({} if step.version is None else {"version": step.version})
    if created:
        return Change.CREATED
    return Change.UNCHANGED if same else Change.CHANGED


def _said(step: OccasionUpdate) -> dict[str, Any]:
    if isinstance(step, Closing):
        return {"status": step.status, "reason": step.reason}
    return {
        "producer": step.producer,
        "recipient": step.to,
        "language": step.language,
        "parameters": json.dumps(step.parameters, ensure_ascii=False, sort_keys=True),
        "at": step.at,
        "zone": step.zone,
        "status": "open",
        "reason": None,
    }


def _keep(tx: Transaction, rows: Sequence[Row], plan: ReminderPlan, deadlines: Mapping[str, float]) -> None:
    """Writes the rows, with their reminders."""
    if not rows:
        return
    derive(tx, rows, plan, deadlines)
    changing = rows[0].keys() - {"id", *OccasionKey._fields, "created_at"}
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changing}
    values = [{f"new_{name}": value for name, value in row.items()} for row in rows]
    tx.execute(update(occasion).where(occasion.c.id == bindparam("new_id")).values(**columns), values)


_NEXT = "SELECT {} FROM occasion WHERE status = 'open' AND {} ORDER BY kind, rules LIMIT 1"
_DIGESTS = text(f"""
WITH RECURSIVE each(id) AS (
    SELECT ({_NEXT.format("id", "true")})
    UNION ALL
    SELECT coalesce(
        ({_NEXT.format("id", "kind = at.kind AND rules > at.rules")}),
        ({_NEXT.format("id", "kind > at.kind")})
    ) FROM each JOIN occasion AS at ON at.id = each.id
)
SELECT kind, rules FROM occasion WHERE id IN (SELECT id FROM each)
""")
"""Every kind with every digest that open occasions of it have: jumps through the index ix_occasion_rules."""


def _stale(tx: Transaction, plan: ReminderPlan) -> list[Row]:
    found = tx.execute(_DIGESTS).all()
    present = {plan.digest(kind, lane) for kind in {kind for kind, _ in found} for lane in plan.hours}
    old = [and_(occasion.c.kind == kind, occasion.c.rules == rules) for kind, rules in found if rules not in present]
    if not old:
        return []
    conditions = (text("status = 'open'"), or_(*old), occasion.c.at > tx.now, occasion.c.lane.in_(list(plan.hours)))
    return tx.rows(select(occasion).where(*conditions).limit(BATCH).with_for_update(skip_locked=True))
