"""Read messages: one with its trace, lists, counts; nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from harkara.errors import Conflict, NotFound
from harkara.json_record import iso
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.tables import alias, attempt, message, occasion, trace
from harkara.message_status import Attempt, MessageStatus, MessageSummary, ReminderOf, ReminderSummary, TraceEntry
from harkara.states import State

_FLAGS = {"maybe_duplicate": "maybe_duplicate", "replaced": "fallback"}
"""Flags of a message by the column that sets them when it is true or not null."""

COLUMNS = {field.name: field.name for field in fields(MessageSummary) if field.name != "flags"}
COLUMNS["campaign"] = "campaign_id"
"""The column of each field of a summary but `flags`."""


def find_id(db: Database, key: str, lane: str | None = None, *, lanes: Collection[str] | None = None) -> str:
    """Return the id of the message with this id, alias or reference, in `lane`, in one of `lanes`, or in any lane.

    Raises NotFound, and Conflict when several lanes have a message with this reference.
    """
    with db.read() as tx:
        named = or_(
            message.c.id == key,
            message.c.reference == key,
            message.c.id == select(alias.c.message_id).where(alias.c.id == key).scalar_subquery(),
        )
        query = select(message.c.id).where(named).limit(2)
        if lane:
            query = query.where(message.c.lane == lane)
        if lanes is not None:
            query = query.where(message.c.lane.in_(lanes))
        found = tx.execute(query).scalars().all()
    if not found:
        raise NotFound("no message has this id or reference")
    if len(found) > 1:
        raise Conflict("several lanes have a message with this reference: name the lane, or use the id")
    return str(found[0])


def get_status(db: Database, identity: str) -> MessageStatus:
    """One message with its attempts, its trace, and its occasion if it is a reminder. Raises NotFound."""
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(message).where(message.c.id == identity))
        if not found:
            raise NotFound("no message has this id or reference")
        row = found[0]
        attempts = tx.rows(select(attempt).where(attempt.c.message_id == identity).order_by(attempt.c.epoch))
        lines = tx.rows(select(trace).where(trace.c.message_id == identity).order_by(trace.c.id))
        reminder_of = _reminder_of(tx, row)
    return MessageStatus(
        **_summary(row),
        occasion=reminder_of,
        attempts=tuple(_attempt(each) for each in attempts),
        trace=tuple(sorted(_trace(row, attempts, lines), key=lambda entry: entry.at)),
    )


def summary(row: Mapping[str, Any]) -> MessageSummary:
    """The fields that may be shown anywhere, from a row with all columns of `message`."""
    return MessageSummary(**_summary(row))


def reminder_summary(row: Mapping[str, Any]) -> ReminderSummary:
    """The same of a reminder, with the rule that scheduled it."""
    return ReminderSummary(**_summary(row), rule=row["rule"])


def list_messages(
    db: Database,
    *,
    states: Sequence[State] = (),
    lane: str | None = None,
    lanes: Collection[str] | None = None,
    recipients: Collection[str] | None = None,
    reference: str | None = None,
    code: str | None = None,
    producer: str | None = None,
    template: str | None = None,
    flagged: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[MessageSummary]:
    """Messages that match every filter given, newest first, at most `limit` of them.

    `lanes` restricts the result to these lanes, `recipients` to these names; None allows all. `flagged` selects what
    may have been sent twice. `since` and `until` compare the time of acceptance. `before` is the last id of the page
    before.
    """
    conditions = [
        *_equal(lane=lane, reference=reference, code=code, producer=producer, template=template),
        in_state(*states) if states else None,
        message.c.lane.in_(lanes) if lanes is not None else None,
        message.c.recipient.in_(recipients) if recipients is not None else None,
        message.c.maybe_duplicate if flagged else None,
        message.c.created_at >= since if since else None,
        message.c.created_at < until if until else None,
        message.c.id < before if before else None,
    ]
    given = (condition for condition in conditions if condition is not None)
    query = select(message).where(*given).order_by(message.c.id.desc()).limit(limit)
    with db.read() as tx:
        return [summary(row) for row in tx.rows(query)]


def count_by_state(db: Database) -> dict[str, dict[str, int]]:
    """The number of messages by lane, then by state."""
    by_lane: dict[str, dict[str, int]] = {}
    with db.read() as tx:
        query = select(message.c.lane, message.c.state, func.count().label("number"))
        for row in tx.execute(query.group_by(message.c.lane, message.c.state)):
            by_lane.setdefault(row.lane, {})[row.state] = row.number
    return by_lane


def _equal(**values: str | None) -> list[ColumnElement[bool]]:
    """A condition for each column whose value is given."""
    return [message.c[name] == value for name, value in values.items() if value is not None]


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    found = {field: row[column] for field, column in COLUMNS.items()}
    flags = tuple(flag for column, flag in _FLAGS.items() if row[column])
    return found | {"state": State(found["state"]), "flags": flags}


def _reminder_of(tx: Transaction, row: Row) -> ReminderOf | None:
    if not row["occasion_id"]:
        return None
    found = tx.rows(select(occasion.c.kind, occasion.c.reference).where(occasion.c.id == row["occasion_id"]))
    return ReminderOf(**found[0], rule=row["rule"]) if found else None


def _attempt(row: Row) -> Attempt:
    return Attempt(
        n=row["epoch"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        outcome=row["outcome"] or "open",
        status=row["status"],
        code=row["code"],
        text=row["text"],
        job_id=row["job_id"],
        worker=row["worker"],
    )


def _trace(row: Row, attempts: Sequence[Row], lines: Sequence[Row]) -> Iterator[TraceEntry]:
    """Everything that happened to the message; of two entries of one moment, the first happened first."""
    planned = row["planned_at"] or row["due_at"]  # null in rows of earlier releases
    yield TraceEntry(at=row["created_at"], event="accepted here", detail=f"due {iso(planned)}")
    for each in attempts:
        yield TraceEntry(at=each["claimed_at"], event="claimed", detail=f"by {each['worker']}")
        yield TraceEntry(at=each["started_at"], event="posted", detail=each["gates"])
        if each["ended_at"]:
            yield TraceEntry(at=each["ended_at"], event=each["outcome"], detail=_answer(each, lines))
    for line in lines:
        detail = " ".join(filter(None, (line["code"], line["detail"])))
        yield TraceEntry(at=line["at"], event=line["event"], detail=detail)


_SEEN = (State.SENT, State.DELIVERED, State.READ)
"""The states that only a webhook gives."""


def _answer(attempt: Row, lines: Sequence[Row]) -> str:
    """What the answer said. If a webhook showed the message before, a lost answer leaves nothing unknown."""
    shown = [line["event"] for line in lines if line["event"] in _SEEN and line["at"] <= attempt["ended_at"]]
    text = attempt["text"]
    if shown and attempt["outcome"] == "uncertain":
        text = f"No answer was read, but a webhook had already shown that the message was {shown[-1]}."
    return " ".join(str(part) for part in (attempt["status"], attempt["code"], attempt["job_id"] or text) if part)
