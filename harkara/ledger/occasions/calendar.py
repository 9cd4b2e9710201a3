"""The occasions of some days, and what operators change about one of them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, tuple_, union_all

from harkara.errors import Conflict, HarkaraError, Invalid, NotFound
from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import apply_updates
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.occasions import Closing, OccasionKey, OccasionUpdate, ReminderPlan
from harkara.occasions.local_time import day_of
from harkara.receipt import Change
from harkara.states import UNSENT, State

MOST_READ: Final = 2_000
"""Occasions that a page reads: those of other zones may be on another day."""

_DAY = timedelta(days=1)
_EAST, _WEST = timedelta(hours=14), timedelta(hours=12)
"""How far the days of zones begin before those of UTC, and end after them."""

_IN_ORDER = (occasion.c.at, occasion.c.id)
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


class CalendarPage(NamedTuple):
    """Occasions in the order of their times. `after` is that of the next page, None on the last one."""

    entries: Sequence[CalendarEntry]
    after: str | None


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
    after: str | None = None,
    limit: int = 200,
    most: int = MOST_READ,
) -> CalendarPage:
    """Return the occasions of these kinds on these days, in the order of their times, at most `limit`.

    `after` is that of the page before. `most` are read to find them. Raises Invalid for another text.
    """
    start = datetime.combine(first, time(), UTC)
    conditions = [occasion.c.at >= start - _EAST, occasion.c.at < start + days * _DAY + _WEST]
    conditions += [] if lanes is None else [occasion.c.lane.in_(lanes)]
    conditions += [_later(after)] if after else []
    with db.read(snapshot=True) as tx:
        read = _read(tx, kinds, conditions, most)
        mine = [row for row in read if first <= _local(row).date() < first + days * _DAY]
        ids = [row["id"] for row in mine[:limit]]
        rows = {row["id"]: row for row in tx.rows(select(occasion).where(occasion.c.id.in_(ids)))}
        reminders = _reminders(tx, ids)
    last = mine[limit - 1] if len(mine) > limit else read[-1] if len(read) == most else None
    return CalendarPage([_entry(rows[each], reminders[each]) for each in ids], _cursor(last) if last else None)


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


def _read(tx: Transaction, kinds: Collection[str], conditions: Sequence[ColumnElement[bool]], most: int) -> list[Row]:
    """Return the first `most` occasions of all kinds: each kind has its own part of the index."""
    columns = (occasion.c.id, occasion.c.at, occasion.c.zone)
    parts = [
        select(*columns).where(occasion.c.kind == kind, *conditions).order_by(*_IN_ORDER).limit(most).subquery()
        for kind in sorted(kinds)
    ]
    rows = tx.rows(union_all(*(select(part) for part in parts))) if parts else []
    return sorted(rows, key=lambda row: (row["at"], row["id"]))[:most]


def _reminders(tx: Transaction, ids: Sequence[str]) -> Mapping[str, list[Row]]:
    """Return the reminders of each of these occasions, the earliest first."""
    columns = (message.c.occasion_id, message.c.state, message.c.answer, message.c.due_at, message.c.id)
    found: dict[str, list[Row]] = defaultdict(list)
    for row in tx.rows(select(*columns).where(message.c.occasion_id.in_(ids)).order_by(message.c.due_at)):
        found[row["occasion_id"]].append(row)
    return found


def _cursor(last: Row) -> str:
    """Return the `after` of the page behind the one that ends with this occasion."""
    return f"{last['at'].isoformat()}~{last['id']}"


def _later(after: str) -> ColumnElement[bool]:
    moment, _, identity = after.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None or not 2000 <= at.year < 2200:
            raise ValueError(moment)
    except ValueError:
        raise Invalid("after", "is not the end of a page") from None
    return tuple_(occasion.c.at, occasion.c.id) > tuple_(at, identity)


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
