"""Reminders: makes the messages of occasions what the plan wants; the one way in which they come and go."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from harkara.ledger.database import Row, Transaction
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.messages.insert import NewMessage, insert_messages, message_row
from harkara.ledger.tables import message, occasion
from harkara.occasions import Occasion, ReminderMessage, ReminderPlan, SkippedReminder
from harkara.states import UNSENT, State

DUE_AGAIN = ""
"""The digest of an occasion that is to be derived once more, when a reminder has come through its POST."""

_SUPERSEDED = "superseded"
_COMES_BACK = frozenset({State.SENDING, State.UNCERTAIN})
"""It may be POSTed once more, which the gate allows to those that have the occasion's revision."""

_A_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class _Difference:
    """What separates the reminders that an occasion has from those that it should have."""

    kept: list[Row] = field(default_factory=list)
    dropped: list[Row] = field(default_factory=list)
    added: list[NewMessage] = field(default_factory=list)
    unsettled: bool = False


def derive(tx: Transaction, occasions: Sequence[Row], plan: ReminderPlan, deadlines: Mapping[str, float]) -> None:
    """Makes the reminders of these occasions what they should be now, and notes by which rules in each row's `rules`.

    The rows are locked, and as they shall be, with a revision of which no reminder is yet. A reminder that still fits
    stays and gets the revision; one that does not and has not left is cancelled as superseded; what is missing is
    added. For one time of an occasion no rule has a second reminder once the first one left, or was stopped by
    anything else than a change.
    """
    known = _lock(tx, [row["id"] for row in occasions])
    dropped: dict[str, list[str]] = defaultdict(list)
    kept: list[Row] = []
    added: list[NewMessage] = []
    for row in occasions:
        found = _compare(row, known[row["id"]], planned(row, plan, tx.now), tx.now, deadlines)
        row["rules"] = DUE_AGAIN if found.unsettled else plan.digest(row["kind"], row["lane"])
        kept += [{"id": each["id"], "revision": row["revision"]} for each in found.kept]
        dropped[_why(row)] += [each["id"] for each in found.dropped]
        added += found.added
    for why, ids in dropped.items():
        cancel_messages(tx, ids, _SUPERSEDED, why)
    if kept:
        tx.execute_each(_KEEP, {"id": "text", "revision": "integer"}, kept)
    if added:
        insert_messages(tx, added)


def planned(row: Row, plan: ReminderPlan, now: datetime) -> list[ReminderMessage | SkippedReminder]:
    """What the plan says of an occasion: an answer for each rule; none for one that is over, or has been erased."""
    if row["status"] != "open" or row["recipient"] is None:
        return []
    return plan.reminders(_occasion(row), now)


def slot(row: Row, rule: str) -> str:
    """Names the one reminder of a rule for the occasion's present time: how the references of its messages begin."""
    return f"{row['id']}/{rule}/{row['at']:%Y%m%dT%H%M%SZ}"


def slot_of(reminder: Row) -> str:
    return str(reminder["reference"]).rpartition("/")[0]


def outdated(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """Those of these reminders that their occasion has moved past, each with a sentence that says how."""
    if not ids:
        return {}
    standing = (occasion.c.kind, occasion.c.status, occasion.c.reason, occasion.c.revision)
    rows = tx.rows(
        select(message.c.id, message.c.revision.label("own"), *standing)
        .join(occasion, occasion.c.id == message.c.occasion_id)
        .where(message.c.id.in_(list(ids)))
    )
    return {row["id"]: _why(row) for row in rows if row["status"] != "open" or row["own"] != row["revision"]}


_KEEP = "UPDATE message SET revision = each.revision FROM {each} WHERE message.id = each.id"


def _lock(tx: Transaction, occasions: Sequence[str]) -> dict[str, list[Row]]:
    """The reminders of each occasion, held until the transaction ends, in the order in which outcomes are written."""
    query = select(message).where(message.c.occasion_id.in_(occasions)).order_by(message.c.id).with_for_update()
    found: dict[str, list[Row]] = defaultdict(list)
    for row in tx.rows(query):
        found[row["occasion_id"]].append(row)
    return found


def _compare(
    row: Row,
    known: Sequence[Row],
    wanted: Sequence[ReminderMessage | SkippedReminder],
    now: datetime,
    deadlines: Mapping[str, float],
) -> _Difference:
    found = _Difference()
    should = {slot(row, r.rule): _message(row, r, now, deadlines) for r in wanted if isinstance(r, ReminderMessage)}
    taken = {slot_of(each) for each in known if _left(each)}
    for each in known:
        place = slot_of(each)
        if each["state"] in UNSENT | _COMES_BACK and place in should and _fits(each, should[place], now):
            found.kept.append(each)
            taken.add(place)
        elif each["state"] in UNSENT:
            found.dropped.append(each)
        elif each["state"] == State.SENDING and row["status"] == "open":
            found.unsettled = True
    found.added = [new for place, new in should.items() if place not in taken]
    return found


def _message(row: Row, reminder: ReminderMessage, now: datetime, deadlines: Mapping[str, float]) -> NewMessage:
    new = message_row(reminder.envelope, now, deadlines)
    new |= {
        "reference": f"{slot(row, reminder.rule)}/{row['revision']}",
        "occasion_id": row["id"],
        "revision": row["revision"],
        "rule": reminder.rule,
    }
    return new


def _left(reminder: Row) -> bool:
    """Whether it may have gone out, or was stopped by anything else than a change of its occasion."""
    superseded = reminder["state"] == State.CANCELLED and reminder["code"] == _SUPERSEDED
    return reminder["state"] not in UNSENT and not superseded


_FIXED = ("digest", "expires_at", "quiet", "producer")
"""The columns in which a reminder must equal the new one to stay."""


def _fits(reminder: Row, new: NewMessage, now: datetime) -> bool:
    if any(reminder[name] != value for name, value in new.items() if name in _FIXED):
        return False
    if reminder["state"] in _COMES_BACK:
        return True
    later = new["due_at"] - max(reminder["due_at"], now)
    # Once it was claimed, it waits for something else than its hour.
    return later <= _A_SECOND if reminder["claims"] else not later


def _occasion(row: Row) -> Occasion:
    """As it was when it was checked."""
    return Occasion.model_construct(
        kind=row["kind"],
        reference=row["reference"],
        lane=row["lane"],
        producer=row["producer"],
        to=row["recipient"],
        at=row["at"],
        zone=row["zone"],
        parameters=json.loads(row["parameters"] or "{}"),
        language=row["language"],
        version=row["version"],
    )


def _why(row: Row) -> str:
    """What happened to the occasion, for the trace of a reminder that does not go any more."""
    if row["status"] == "open":
        return f"Its {row['kind']} or the rules of its reminders have changed, and this one no longer fits."
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"Its {row['kind']} was {row['status']}{reason}."
