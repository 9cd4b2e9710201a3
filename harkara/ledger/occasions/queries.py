"""Reads occasions, their reminders, and which reminders their occasions have outdated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from harkara.errors import NotFound
from harkara.ledger.database import Database
from harkara.ledger.messages.insert_rows import content_digest
from harkara.ledger.messages.summary import reminder_summary
from harkara.ledger.occasions.derivation import plan_reminders
from harkara.ledger.occasions.received import ReceivedReminders, Result, may_have_arrived, slot, slot_of
from harkara.ledger.occasions.rows import ending_of, occasion_of, superseded_reason
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Row, Transaction
from harkara.messages import Envelope
from harkara.occasions import OccasionKey, ReminderPlan, SkippedReminder
from harkara.occasions.local_time import day_of
from harkara.occasions.status import OccasionStatus, OccasionSummary, SkippedRule
from harkara.states import UNSENT

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
    return OccasionStatus(
        **_summary(row),
        reminders=tuple(reminder_summary(each) for each in reminders),
        skipped=tuple(_skipped_rules(row, reminders, results, plan)),
    )


def outdated_reminders(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """Return those of these messages whose occasion has a newer revision, each with the reason.

    A closing is a revision, too: a message that the rules send after it carries this revision.
    """
    if not ids:
        return {}
    columns = (occasion.c.kind, occasion.c.status, occasion.c.reason, occasion.c.revision)
    rows = tx.rows(
        select(message.c.id, message.c.revision.label("own"), *columns)
        .join(occasion, occasion.c.id == message.c.occasion_id)
        .where(message.c.id.in_(list(ids)))
    )
    return {row["id"]: superseded_reason(row) for row in rows if row["own"] != row["revision"]}


_ALREADY_SENT = "already-sent"
_ALREADY_SENT_REASON = (
    "This reminder was sent with other parameters. Only another time or another recipient sends a reminder again: "
    "inform the customer yourself if the change matters."
)


def _skipped_rules(
    row: Row, reminders: Sequence[Row], results: Sequence[Result], plan: ReminderPlan
) -> Iterator[SkippedRule]:
    """Yield each rule that has no reminder for the present time and recipient, or whose reminder says something old."""
    received = ReceivedReminders(row, reminders)
    unsent = {slot_of(each) for each in reminders if each["state"] in UNSENT and each["revision"] == row["revision"]}
    for result in results:
        if slot(row, result) in unsent:
            continue
        given = received.given(result)
        if given is None:
            if isinstance(result, SkippedReminder):
                yield SkippedRule(rule=result.rule, code=result.code, reason=result.reason)
        elif may_have_arrived(given) and _has_other_content(given, _planned_again(row, given, plan)):
            yield SkippedRule(rule=result.rule, code=_ALREADY_SENT, reason=_ALREADY_SENT_REASON)


def _planned_again(row: Row, given: Row, plan: ReminderPlan) -> Envelope | None:
    """Return the message of the rule for the time at which the given one was sent."""
    return plan.envelope(occasion_of(row), given["rule"], given["posted_at"] or given["due_at"], ending_of(row))


def _has_other_content(reminder: Row, envelope: Envelope | None) -> bool:
    """Return False for an erased reminder and for a rule whose message cannot be built: both have no content."""
    if reminder["digest"] is None or envelope is None:
        return False
    return bool(reminder["digest"] != content_digest(envelope))


def _summary(row: Row) -> dict[str, Any]:
    zone = ZoneInfo(row["zone"])
    return {name: row[name] for name in _SHOWN} | {"at": day_of(row["at"], zone) or row["at"].astimezone(zone)}
