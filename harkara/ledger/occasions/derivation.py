"""Derives the reminder messages of occasions: the only code that adds reminders and supersedes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.messages.insert_rows import NewMessage, insert_messages, message_row
from harkara.ledger.occasions.received import SUPERSEDED, ReceivedReminders, Result, slot, slot_of
from harkara.ledger.occasions.rows import NOT_DERIVED, ending_of, occasion_of, superseded_reason
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.occasions import ReminderMessage, ReminderPlan
from harkara.states import UNSENT, State

_MAY_RETURN = frozenset({State.SENDING, State.UNCERTAIN})
"""A message in these states may be POSTed again. The gate allows that only with the occasion's current revision."""

_ONE_SECOND = timedelta(seconds=1)


def derive_reminders(
    tx: Transaction,
    occasions: Sequence[Row],
    plan: ReminderPlan,
    deadlines: Mapping[str, float],
    at_once: str | None = None,
) -> None:
    """Bring the reminders of these occasions in line with the plan, and set `rules` of each row to the plan's digest.

    The rows are locked and carry their new content, with a new revision. A reminder that still fits gets the new
    revision. One that no longer fits is cancelled as superseded if it is unsent. Missing ones are added. For one time
    and recipient, a rule has no second reminder once the first was sent, or was stopped by anything but a change
    or an erasure, unless this person has received another time since (see `ReceivedReminders`). The reminder of the
    rule `at_once`, if it is still to be sent, is due now.
    """
    known = lock_reminders(tx, [row["id"] for row in occasions])
    superseded: dict[str, list[str]] = defaultdict(list)
    kept: list[Row] = []
    added: list[NewMessage] = []
    for row in occasions:
        results = plan_reminders(row, plan, tx.now, at_once)
        difference = _compare(row, known[row["id"]], results, tx.now, deadlines)
        row["follow_up_until"] = _follow_up_until(row, results)
        row["rules"] = NOT_DERIVED if difference.unsettled else plan.digest(row["kind"], row["lane"])
        kept += [{"id": each["id"], "revision": row["revision"]} for each in difference.kept]
        superseded[superseded_reason(row)] += [each["id"] for each in difference.superseded]
        added += difference.added
    for reason, ids in superseded.items():
        cancel_messages(tx, ids, SUPERSEDED, reason)
    if kept:
        tx.execute_each(_SET_REVISION, {"id": "text", "revision": "integer"}, kept)
    if added:
        insert_messages(tx, added)


def plan_reminders(row: Row, plan: ReminderPlan, now: datetime, at_once: str | None = None) -> list[Result]:
    """Return the plan's result for each rule; none for an occasion whose recipient was erased."""
    if row["recipient"] is None:
        return []
    return plan.reminders(occasion_of(row), now, ending_of(row), at_once)


def _follow_up_until(row: Row, results: Sequence[Result]) -> datetime | None:
    """Return the end of the last reminder that is planned for a closed occasion, or for a time after an open one."""
    ends = [r.envelope.expires for r in results if isinstance(r, ReminderMessage) and r.envelope.expires]
    last = max(ends, default=None)
    return last if last and (row["status"] != "open" or last > row["at"]) else None


_SET_REVISION = "UPDATE message SET revision = each.revision FROM {each} WHERE message.id = each.id"


@dataclass(slots=True)
class _Difference:
    """The difference between the reminders of an occasion and its planned ones.

    `unsettled`: an outdated reminder is being POSTed, so the occasion must be derived again after the outcome.
    """

    kept: list[Row] = field(default_factory=list)
    superseded: list[Row] = field(default_factory=list)
    added: list[NewMessage] = field(default_factory=list)
    unsettled: bool = False


def lock_reminders(tx: Transaction, occasions: Sequence[str]) -> dict[str, list[Row]]:
    """Lock the reminders of each occasion until the transaction ends.

    Outcomes are written in the same order, by id, which avoids deadlocks.
    """
    query = select(message).where(message.c.occasion_id.in_(occasions)).order_by(message.c.id).with_for_update()
    found: dict[str, list[Row]] = defaultdict(list)
    for row in tx.rows(query):
        found[row["occasion_id"]].append(row)
    return found


def _compare(
    row: Row,
    known: Sequence[Row],
    results: Sequence[Result],
    now: datetime,
    deadlines: Mapping[str, float],
) -> _Difference:
    difference = _Difference()
    messages = [each for each in results if isinstance(each, ReminderMessage)]
    planned = {slot(row, each): _message_row(row, each, now, deadlines) for each in messages}
    received = ReceivedReminders(row, known)
    used_slots = {slot(row, each) for each in messages if received.given(each)}
    for each in known:
        own_slot = slot_of(each)
        remains = each["state"] in UNSENT or (each["state"] in _MAY_RETURN and received.is_valid(each))
        if remains and own_slot in planned and _fits(each, planned[own_slot], now):
            difference.kept.append(each)
            used_slots.add(own_slot)
        elif each["state"] in UNSENT:
            difference.superseded.append(each)
            if received.may_include(each):  # it waited to be sent a second time: with a new text, that would be silent
                used_slots.add(own_slot)
        elif each["state"] == State.SENDING and row["status"] == "open":
            difference.unsettled = True
    difference.added = [new for own_slot, new in planned.items() if own_slot not in used_slots]
    return difference


def _message_row(row: Row, reminder: ReminderMessage, now: datetime, deadlines: Mapping[str, float]) -> NewMessage:
    new = message_row(reminder.envelope, now, deadlines)
    new |= {
        "reference": f"{slot(row, reminder)}/{row['revision']}",
        "occasion_id": row["id"],
        "revision": row["revision"],
        "rule": reminder.rule,
    }
    return new


_FIXED = ("recipient", "digest", "expires_at", "quiet", "producer")
"""The columns in which a reminder must equal the planned one to stay."""


def _fits(reminder: Row, planned: NewMessage, now: datetime) -> bool:
    if any(reminder[name] != value for name, value in planned.items() if name in _FIXED):
        return False
    if reminder["state"] in _MAY_RETURN:
        return True
    later = planned["due_at"] - max(reminder["due_at"], now)
    # A reminder that was claimed before may have moved its due time for another reason, such as a rate limit.
    return later <= _ONE_SECOND if reminder["claims"] else not later
