"""Commands on occasions: save updates, and derive reminders again after a change of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, or_, select, text, tuple_, update

from harkara.errors import Conflict, NotFound
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.occasions.derivation import derive_reminders
from harkara.ledger.occasions.rows import content_of, is_new, key_of, new_row
from harkara.ledger.tables import occasion
from harkara.occasions import Closing, Occasion, OccasionKey, OccasionUpdate, ReminderPlan
from harkara.receipt import Change

BATCH_SIZE = 200
"""Occasions in one transaction, so that other transactions wait only briefly for its locks."""

UpdateResult = Change | Conflict | NotFound


def save_occasions(
    db: Database, updates: Sequence[OccasionUpdate], plan: ReminderPlan, deadlines: Mapping[str, float]
) -> list[UpdateResult]:
    """Apply the updates in order, with their reminders, and return one result for each.

    The result of a repeated update is UNCHANGED, that of an older version than the stored one is OUTDATED. The stored
    version with other content gives Conflict, the closing of an unknown occasion NotFound; the other updates still
    apply. An update without a version always applies. Saving an occasion that is over opens it again.

    Each batch of BATCH_SIZE is one transaction. Raises Unavailable; then the call may be repeated.
    """
    results: list[UpdateResult] = []
    for start in range(0, len(updates), BATCH_SIZE):
        with db.write() as tx:
            results += _save(tx, updates[start : start + BATCH_SIZE], plan, deadlines)
    return results


def rederive(db: Database, plan: ReminderPlan, deadlines: Mapping[str, float]) -> int:
    """Derive the reminders of up to BATCH_SIZE future occasions whose rules changed; return their number."""
    with db.write() as tx:
        rows = _stale_rows(tx, plan)
        for row in rows:
            row["revision"] += 1
        _write(tx, rows, plan, deadlines)
    return len(rows)


def _save(
    tx: Transaction, updates: Sequence[OccasionUpdate], plan: ReminderPlan, deadlines: Mapping[str, float]
) -> list[UpdateResult]:
    # Sorted, because two transactions that insert the same keys in different orders would deadlock.
    new_rows = sorted((new_row(each, tx.now) for each in updates if isinstance(each, Occasion)), key=key_of)
    if new_rows:
        tx.execute(tx.insert_new(occasion), new_rows)
    keys = sorted({each.key for each in updates})
    query = select(occasion).where(tuple_(*(occasion.c[name] for name in OccasionKey._fields)).in_(keys))
    rows = {key_of(row): row for row in tx.rows(query.order_by(occasion.c.id).with_for_update())}
    before = {key: dict(row) for key, row in rows.items()}
    results = [_apply(rows.get(each.key), each) for each in updates]
    changed = [row for key, row in rows.items() if row != before[key]]
    for row in changed:
        row |= {"revision": row["revision"] + 1, "changed_at": tx.now}
    _write(tx, changed, plan, deadlines)
    return results


def _apply(row: Row | None, change: OccasionUpdate) -> UpdateResult:
    """Write the update into the row, unless the row has a newer version."""
    if row is None or (isinstance(change, Closing) and is_new(row)):
        return NotFound(f"no {change.kind} of lane {change.lane} has this reference")
    created = is_new(row)
    content = content_of(change)
    same = all(row[name] == value for name, value in content.items())
    if change.version is not None and row["version"] is not None:
        if change.version < row["version"]:
            return Change.OUTDATED
        if change.version == row["version"] and not same:
            return Conflict(f"version {change.version} of this {change.kind} is stored with other content")
    row |= content | ({} if change.version is None else {"version": change.version})
    if created:
        return Change.CREATED
    return Change.UNCHANGED if same else Change.CHANGED


def _write(tx: Transaction, rows: Sequence[Row], plan: ReminderPlan, deadlines: Mapping[str, float]) -> None:
    """Write the rows with their reminders."""
    if not rows:
        return
    derive_reminders(tx, rows, plan, deadlines)
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
"""Each kind with each rules digest of its open occasions. A loose index scan: it jumps through ix_occasion_rules."""


def _stale_rows(tx: Transaction, plan: ReminderPlan) -> list[Row]:
    found = tx.execute(_DIGESTS).all()
    present = {plan.digest(kind, lane) for kind in {kind for kind, _ in found} for lane in plan.hours}
    old = [and_(occasion.c.kind == kind, occasion.c.rules == rules) for kind, rules in found if rules not in present]
    if not old:
        return []
    conditions = (text("status = 'open'"), or_(*old), occasion.c.at > tx.now, occasion.c.lane.in_(list(plan.hours)))
    return tx.rows(select(occasion).where(*conditions).limit(BATCH_SIZE).with_for_update(skip_locked=True))
