"""Commands on occasions: save updates, and derive reminders again after a change of the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, tuple_, update

from harkara.errors import Conflict, NotFound, stops_all
from harkara.ledger.applied_entries import mark_applied
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, store_dead_letters
from harkara.ledger.occasions.derivation import derive_reminders
from harkara.ledger.occasions.rows import NOT_DERIVED, content_of, is_new, key_of, new_row
from harkara.ledger.occasions.stale_rows import stale_rows
from harkara.ledger.tables import occasion
from harkara.ledger.transaction import Row, Transaction
from harkara.occasions import Closing, Occasion, OccasionKey, OccasionUpdate, ReminderPlan
from harkara.receipt import Change

BATCH_SIZE = 200
"""Occasions in one transaction, so that other transactions wait only briefly for its locks."""

UpdateResult = Change | Conflict | NotFound


def save_occasions(
    db: Database,
    updates: Sequence[OccasionUpdate],
    plan: ReminderPlan,
    deadlines: Mapping[str, float],
    positions: Sequence[str] | None = None,
) -> list[UpdateResult]:
    """Apply the updates in order, with their reminders, and return one result for each.

    The result of a repeated update is UNCHANGED, that of an older version than the stored one is OUTDATED. The stored
    version with other content gives Conflict, the closing of an unknown occasion NotFound; the other updates still
    apply. Saving an occasion that is over opens it again.

    `positions` are those of the updates in the intake (see `IntakeEntry.position`), which may deliver an update twice.
    An update at or before the position that the occasion has seen is OUTDATED, unless its version is newer than the
    stored one. Without positions, an update without a version always applies.

    Each batch of BATCH_SIZE is one transaction. Raises Unavailable; then the call may be repeated.
    """
    ordered = list(zip(updates, positions or repeat(None), strict=False))
    results: list[UpdateResult] = []
    for start in range(0, len(ordered), BATCH_SIZE):
        with db.write() as tx:
            results += apply_updates(tx, ordered[start : start + BATCH_SIZE], plan, deadlines)
    return results


def save_once(
    db: Database, update: OccasionUpdate, plan: ReminderPlan, deadlines: Mapping[str, float], entry: str | None
) -> UpdateResult:
    """Apply an update that a queue without positions may deliver twice; a repeat of `entry`, if given, is OUTDATED.

    A refused update is not marked: its repeat applies once the occasion is known. Raises Unavailable; then the call may
    be repeated.
    """
    try:
        with db.write() as tx:
            if entry is not None and not mark_applied(tx, entry):
                return Change.OUTDATED
            (result,) = apply_updates(tx, [(update, None)], plan, deadlines)
            if isinstance(result, Conflict | NotFound):
                raise result
    except (Conflict, NotFound) as refusal:
        return refusal
    return result


def newest_position(db: Database) -> str | None:
    """Return the newest position in the intake that an occasion has seen. Raises Unavailable.

    It reads all occasions, and is called only when the stream is new.
    """
    with db.read() as tx:
        newest: str | None = tx.execute(select(func.max(occasion.c.stream_position))).scalar()
    return newest


def rederive(db: Database, plan: ReminderPlan, deadlines: Mapping[str, float]) -> int:
    """Derive the reminders of up to BATCH_SIZE occasions whose rules changed; return their number.

    They are the open ones that are still to come, and those with a reminder planned after their time or their closing.
    An occasion that cannot be derived becomes a dead letter; its reminders stay as they are until the rules change.
    """
    try:
        return _rederive(db, plan, deadlines)
    except Exception as error:
        if stops_all(error):
            raise
    with db.read() as tx:
        stale = [row["id"] for row in stale_rows(tx, plan, BATCH_SIZE)]
    return sum(_rederive_alone(db, plan, deadlines, identity) for identity in stale)


_Positioned = tuple[OccasionUpdate, str | None]
"""An update and its position in the intake, if it comes from there."""


def apply_updates(
    tx: Transaction, positioned: Sequence[_Positioned], plan: ReminderPlan, deadlines: Mapping[str, float]
) -> list[UpdateResult]:
    """Apply updates, each with its position in the intake, if it comes from there; see `save_occasions`."""
    updates = [update for update, _ in positioned]
    # Sorted, because two transactions that insert the same keys in different orders would deadlock.
    new_rows = sorted((new_row(each, tx.now) for each in updates if isinstance(each, Occasion)), key=key_of)
    if new_rows:
        tx.execute(tx.insert_new(occasion), new_rows)
    keys = sorted({each.key for each in updates})
    query = select(occasion).where(tuple_(*(occasion.c[name] for name in OccasionKey._fields)).in_(keys))
    rows = {key_of(row): row for row in tx.rows(query.order_by(occasion.c.id).with_for_update())}
    before = {key: dict(row) for key, row in rows.items()}
    results = [_apply_once(rows.get(each.key), each, position) for each, position in positioned]
    seen = [row for key, row in rows.items() if row["stream_position"] != before[key]["stream_position"]]
    changed = [row for key, row in rows.items() if row | _POSITIONLESS != before[key] | _POSITIONLESS]
    for row in changed:
        row |= {"revision": row["revision"] + 1, "changed_at": tx.now}
        if row["status"] != before[key_of(row)]["status"]:
            row["closed_at"] = None if row["status"] == "open" else tx.now
    write_with_reminders(tx, changed, plan, deadlines)
    if only_seen := [row for row in seen if row not in changed]:
        values = [{"id": row["id"], "position": row["stream_position"]} for row in only_seen]
        tx.execute_each(_SET_POSITION, {"id": "text", "position": "text"}, values)
    return results


_POSITIONLESS: Row = {"stream_position": None}
_SET_POSITION = "UPDATE occasion SET stream_position = each.position FROM {each} WHERE occasion.id = each.id"


def _apply_once(row: Row | None, change: OccasionUpdate, position: str | None) -> UpdateResult:
    """Apply the update, unless the row has seen a newer one of the intake; remember its position.

    Also an update that changes nothing is remembered: repeated after a later change, it would undo that change.
    """
    if row is None or (isinstance(change, Closing) and is_new(row)):
        return NotFound(f"no {change.kind} of lane {change.lane} has this reference")
    seen: str | None = row["stream_position"]
    result = _apply(row, change, repeated=position is not None and seen is not None and position <= seen)
    row["stream_position"] = max(filter(None, (position, seen)), default=None)
    return result


def _apply(row: Row, change: OccasionUpdate, *, repeated: bool) -> UpdateResult:
    """Write the update into the row, unless the row has a newer version."""
    created = is_new(row)
    content = content_of(change)
    same = all(row[name] == value for name, value in content.items())
    age = _compare(change.version, row["version"])
    if age == -1:
        return Change.OUTDATED
    if repeated and age != 1:
        return Change.UNCHANGED if same else Change.OUTDATED
    if age == 0 and not same:
        return Conflict(f"version {change.version} of this {change.kind} is stored with other content")
    row |= content | ({} if change.version is None else {"version": change.version})
    if created:
        return Change.CREATED
    return Change.UNCHANGED if same else Change.CHANGED


def _compare(version: int | None, stored: int | None) -> int | None:
    """Return -1 for an older version than the stored one, 0 for the same, 1 for a newer one; None without versions."""
    if version is None or stored is None:
        return None
    return (version > stored) - (version < stored)


def write_with_reminders(
    tx: Transaction,
    rows: Sequence[Row],
    plan: ReminderPlan,
    deadlines: Mapping[str, float],
    at_once: str | None = None,
) -> None:
    """Write the rows, which are locked and have a new revision, with their reminders (see `derive_reminders`)."""
    if not rows:
        return
    derive_reminders(tx, rows, plan, deadlines, at_once)
    changing = rows[0].keys() - {"id", *OccasionKey._fields, "created_at"}
    columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changing}
    values = [{f"new_{name}": value for name, value in row.items()} for row in rows]
    tx.execute(update(occasion).where(occasion.c.id == bindparam("new_id")).values(**columns), values)


def _rederive(db: Database, plan: ReminderPlan, deadlines: Mapping[str, float], *only: ColumnElement[bool]) -> int:
    with db.write() as tx:
        rows = stale_rows(tx, plan, BATCH_SIZE, *only)
        for row in rows:
            row["revision"] += 1
        write_with_reminders(tx, rows, plan, deadlines)
    return len(rows)


def _rederive_alone(db: Database, plan: ReminderPlan, deadlines: Mapping[str, float], identity: str) -> int:
    only = occasion.c.id == identity
    try:
        return _rederive(db, plan, deadlines, only)
    except Exception as error:
        if stops_all(error):
            raise
        with db.write() as tx:
            for row in stale_rows(tx, plan, BATCH_SIZE, only):
                unchanged = {"rules": plan.digest(row["kind"], row["lane"])}
                tx.execute(update(occasion).where(only).values(**unchanged))
                store_dead_letters(tx, [DeadLetter.of("reminders", identity, row["kind"], error)])
        return 0


def derive_again(db: Database, identity: str) -> None:
    """Let the next round derive the reminders of this occasion again. Raises NotFound and Unavailable."""
    with db.write() as tx:
        changed = update(occasion).where(occasion.c.id == identity).values(rules=NOT_DERIVED)
        if not tx.execute(changed).rowcount:
            raise NotFound("no occasion has this id")
