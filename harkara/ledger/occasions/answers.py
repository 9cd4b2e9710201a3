"""What customers answer to reminders, and the report of it by rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select, update

from harkara.inbound.words import Cancel, Confirm, Reply, Reschedule
from harkara.ledger.database import Database
from harkara.ledger.tables import message, occasion
from harkara.ledger.transaction import Row, Transaction
from harkara.occasions.report import Answer, OccasionReport, RuleReport
from harkara.occasions.rules import STATUSES
from harkara.states import State

ANSWERS: Final[Mapping[type[Reply], Answer]] = {
    Confirm: "confirmed",
    Cancel: "cancelled",
    Reschedule: "rescheduled",
}

_SENT = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ})


def record_answer(tx: Transaction, reminder: str, reply: Reply) -> None:
    """Record the answer to a reminder; the last one counts."""
    answer = ANSWERS.get(type(reply))
    if answer:
        tx.execute(update(message).where(message.c.id == reminder).values(answer=answer))


def report_kind(
    db: Database,
    kind: str,
    *,
    lanes: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> OccasionReport:
    """Count the occasions of a kind by their status, and the answers to the reminders that were sent, by rule.

    `lanes` are those of the occasions, all by default. `since` and `until` bound their times: since <= at < until.
    Raises Unavailable.
    """
    chosen: list[ColumnElement[bool]] = [occasion.c.kind == kind]
    chosen += [] if lanes is None else [occasion.c.lane.in_(lanes)]
    chosen += [occasion.c.at >= since] if since else []
    chosen += [occasion.c.at < until] if until else []
    number = func.count().label("number")
    sent = message.c.state.in_([state.value for state in _SENT])
    answers = select(message.c.rule, message.c.answer, occasion.c.status, number)
    with db.read(snapshot=True) as tx:
        statuses = tx.rows(select(occasion.c.status, number).where(*chosen).group_by(occasion.c.status))
        answered = tx.rows(
            answers.join(occasion, occasion.c.id == message.c.occasion_id)
            .where(*chosen, sent, message.c.rule.is_not(None))
            .group_by(message.c.rule, message.c.answer, occasion.c.status)
        )
    counts = {row["status"]: row["number"] for row in statuses}
    rules = sorted({row["rule"] for row in answered})
    return OccasionReport(
        kind=kind,
        occasions={status: counts.get(status, 0) for status in STATUSES},
        rules=tuple(_rule(rule, [row for row in answered if row["rule"] == rule]) for rule in rules),
    )


def _rule(rule: str, rows: Iterable[Row]) -> RuleReport:
    rows = list(rows)

    def count(column: str, value: str | None) -> int:
        return sum(row["number"] for row in rows if row[column] == value)

    return RuleReport(
        rule=rule,
        sent=sum(row["number"] for row in rows),
        confirmed=count("answer", "confirmed"),
        cancelled=count("answer", "cancelled"),
        rescheduled=count("answer", "rescheduled"),
        no_answer=count("answer", None),
        no_show=count("status", "no-show"),
    )
