"""Read one message with its trace; nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from harkara.errors import Conflict, NotFound
from harkara.json_record import iso
from harkara.ledger.database import Database
from harkara.ledger.messages.next_step import next_step
from harkara.ledger.messages.summary import summary_fields
from harkara.ledger.tables import alias, attempt, message, occasion, trace
from harkara.ledger.transaction import Row, Transaction
from harkara.message_status import Attempt, MessageStatus, ReminderOf, TraceEntry
from harkara.states import State
from harkara.trace_sentences import trace_sentence


def find_id(db: Database, key: str, lane: str | None = None, *, lanes: Collection[str] | None = None) -> str:
    """Return the id of the message with this id, alias or reference, in `lane`, in one of `lanes`, or in any lane.

    Raises NotFound, and Conflict when several lanes have a message with this reference.
    """
    with db.read() as tx:
        return str(_find(tx, select(message.c.id), key, lane, lanes)["id"])


def get_status(db: Database, identity: str, lanes: Collection[str] | None = None) -> MessageStatus:
    """One message with its attempts, its trace, what happens next, and its occasion if it is a reminder.

    `lanes` are those that this deployment sends for, None if not known. Raises NotFound.
    """
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(message).where(message.c.id == identity))
        if not found:
            raise NotFound("no message has this id or reference")
        return _status(tx, found[0], lanes)


def find_status(db: Database, key: str, lane: str | None = None, lanes: Collection[str] | None = None) -> MessageStatus:
    """Return the status of the message that `find_id` finds, in one transaction.

    Raises NotFound and Conflict as `find_id` does.
    """
    with db.read(snapshot=True) as tx:
        return _status(tx, _find(tx, select(message), key, lane), lanes)


def _find(
    tx: Transaction,
    query: Select[*tuple[Any, ...]],
    key: str,
    lane: str | None = None,
    lanes: Collection[str] | None = None,
) -> Row:
    """Return the row of the one message that has this id, alias or reference."""
    named = or_(
        message.c.id == key,
        message.c.reference == key,
        message.c.id == select(alias.c.message_id).where(alias.c.id == key).scalar_subquery(),
    )
    query = query.where(named).limit(2)
    if lane:
        query = query.where(message.c.lane == lane)
    if lanes is not None:
        query = query.where(message.c.lane.in_(lanes))
    found = tx.rows(query)
    if not found:
        raise NotFound("no message has this id or reference")
    if len(found) > 1:
        raise Conflict("several lanes have a message with this reference: name the lane, or use the id")
    return found[0]


def _status(tx: Transaction, row: Row, lanes: Collection[str] | None) -> MessageStatus:
    identity = row["id"]
    attempts = tx.rows(select(attempt).where(attempt.c.message_id == identity).order_by(attempt.c.epoch))
    lines = tx.rows(select(trace).where(trace.c.message_id == identity).order_by(trace.c.id))
    reminder_of = _reminder_of(tx, row)
    step = next_step(tx, row, lanes)
    return MessageStatus(
        **summary_fields(row),
        occasion=reminder_of,
        attempts=tuple(_attempt(each) for each in attempts),
        trace=tuple(sorted(_trace(row, attempts, lines), key=lambda entry: entry.at)),
        next=step.sentence,
        next_at=step.at,
    )


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
    yield _entry(at=row["created_at"], event="accepted here", detail=f"due {iso(planned)}")
    for each in attempts:
        yield _entry(at=each["claimed_at"], event="claimed", detail=f"by {each['worker']}")
        yield _entry(at=each["started_at"], event="posted", detail=each["gates"])
        if each["ended_at"]:
            yield _entry(at=each["ended_at"], event=each["outcome"], detail=_answer(each, lines))
    for line in lines:
        detail = " ".join(filter(None, (line["code"], line["detail"])))
        yield _entry(at=line["at"], event=line["event"], detail=detail)


def _entry(at: datetime, event: str, detail: str) -> TraceEntry:
    return TraceEntry(at=at, event=event, detail=detail, sentence=trace_sentence(event))


_SEEN = (State.SENT, State.DELIVERED, State.READ)
"""The states that only a webhook gives."""


def _answer(attempt: Row, lines: Sequence[Row]) -> str:
    """What the answer said. If a webhook showed the message before, a lost answer leaves nothing unknown."""
    shown = [line["event"] for line in lines if line["event"] in _SEEN and line["at"] <= attempt["ended_at"]]
    text = attempt["text"]
    if shown and attempt["outcome"] == "uncertain":
        text = f"No answer was read, but a webhook had already shown that the message was {shown[-1]}."
    return " ".join(str(part) for part in (attempt["status"], attempt["code"], attempt["job_id"] or text) if part)
