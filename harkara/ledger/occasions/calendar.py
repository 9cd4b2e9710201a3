"""The occasions of some days, and what operators change about one of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from harkara.errors import Conflict, HarkaraError, NotFound
from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import apply_updates
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Row
from harkara.ledger.users.acts import Actor, record_act
from harkara.occasions import Closing, OccasionKey, OccasionUpdate, ReminderPlan
from harkara.occasions.local_time import day_of
from harkara.receipt import Change
from harkara.states import UNSENT, State

_DAY = timedelta(days=1)
_ARRIVED = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ})


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """An occasion on its day, in its own time zone; `at` is a date if it is the whole day.

    `answer` is what the customer answered last: confirmed, cancelled or rescheduled. Without an answer, `reminded` says
    whether a reminder was sent, and `next_reminder` when the next one is due.
    """

    id: str
    kind: str
    reference: str
    lane: str
    status: str
    day: date
    at: date
    answer: str | None
    reminded: bool
    next_reminder: datetime | None


@dataclass(frozen=True, slots=True)
class StoredOccasion:
    """One occasion as its form shows it. `changed_at` is the time of its last change, by which a stale form is known.

    `to` is None once the retention has erased it.
    """

    id: str
    key: OccasionKey
    at: date
    zone: str
    status: str
    producer: str
    language: str | None
    changed_at: datetime
    to: str | None = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)


def list_calendar(
    db: Database,
    kinds: Collection[str],
    first: date,
    days: int,
    *,
    lanes: Collection[str] | None = None,
    limit: int = 500,
) -> list[CalendarEntry]:
    """Return the occasions of these kinds on these days, in the order of their times, at most `limit`."""
    start = datetime.combine(first, time(), UTC)
    conditions = [occasion.c.kind.in_(sorted(kinds)), occasion.c.at >= start - _DAY]
    conditions.append(occasion.c.at < start + (days + 1) * _DAY)
    conditions += [] if lanes is None else [occasion.c.lane.in_(lanes)]
    with db.read(snapshot=True) as tx:
        rows = tx.rows(select(occasion).where(*conditions).order_by(occasion.c.at, occasion.c.id).limit(limit))
        mine = [row for row in rows if first <= _local(row).date() < first + days * _DAY]
        columns = (message.c.occasion_id, message.c.state, message.c.answer, message.c.due_at, message.c.id)
        reminders = tx.rows(
            select(*columns).where(message.c.occasion_id.in_([row["id"] for row in mine])).order_by(message.c.due_at)
        )
    by_occasion: dict[str, list[Row]] = defaultdict(list)
    for reminder in reminders:
        by_occasion[reminder["occasion_id"]].append(reminder)
    return [_entry(row, by_occasion[row["id"]]) for row in mine]


def find_occasion(db: Database, identity: str, lanes: Collection[str] | None = None) -> StoredOccasion:
    """Return the occasion with this id, if it is of one of these lanes. Raises NotFound."""
    with db.read() as tx:
        found = tx.rows(select(occasion).where(occasion.c.id == identity))
    if not found or (lanes is not None and found[0]["lane"] not in lanes):
        raise NotFound("There is no such occasion.")
    row = found[0]
    return StoredOccasion(
        id=row["id"],
        key=OccasionKey(row["reference"], row["kind"], row["lane"]),
        at=day_of(row["at"], ZoneInfo(row["zone"])) or _local(row),
        zone=row["zone"],
        status=row["status"],
        producer=row["producer"],
        language=row["language"],
        changed_at=row["changed_at"],
        to=row["recipient"],
        parameters=json.loads(row["parameters"] or "{}"),
    )


def change_occasion(
    db: Database,
    update: OccasionUpdate,
    plan: ReminderPlan,
    deadlines: Mapping[str, float],
    *,
    seen: datetime | None,
    by: Actor,
) -> Change:
    """Apply an update that a person decided upon, as `save_occasions` does, and record the act.

    `seen` is the `changed_at` that they saw, None for an occasion that is to be new. Raises Conflict if it was changed
    since, or is not new, NotFound, and Unavailable.
    """
    with db.write() as tx:
        same = (occasion.c[name] == value for name, value in update.key._asdict().items())
        found = tx.rows(select(occasion.c.changed_at).where(*same).with_for_update())
        if seen is None and found:
            raise Conflict("There is an occasion with this reference already. Choose another reference.")
        if seen is not None and found and found[0]["changed_at"] != seen:
            raise Conflict("It was changed in the meantime. This page shows it as it is now: check it, and try again.")
        (result,) = apply_updates(tx, [(update, None)], plan, deadlines)
        if isinstance(result, HarkaraError):
            raise result
        if result is not Change.UNCHANGED:
            act = f"occasion.{update.status}" if isinstance(update, Closing) else "occasion.saved"
            record_act(tx, by, act, f"{update.kind} {update.reference}", number=1)
    return result


def _entry(row: Row, reminders: Sequence[Row]) -> CalendarEntry:
    answers = [each["answer"] for each in reminders if each["answer"]]
    due = [each["due_at"] for each in reminders if each["state"] in UNSENT]
    return CalendarEntry(
        id=row["id"],
        kind=row["kind"],
        reference=row["reference"],
        lane=row["lane"],
        status=row["status"],
        day=_local(row).date(),
        at=day_of(row["at"], ZoneInfo(row["zone"])) or _local(row),
        answer=answers[-1] if answers else None,
        reminded=any(each["state"] in _ARRIVED for each in reminders),
        next_reminder=min(due, default=None),
    )


def _local(row: Row) -> datetime:
    moment: datetime = row["at"]
    return moment.astimezone(ZoneInfo(row["zone"]))
