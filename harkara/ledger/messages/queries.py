"""Looks: one message with its trace, lists, counts; nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from harkara.errors import NotFound
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Row
from harkara.ledger.tables import attempt, duty, message, occasion, trace
from harkara.states import State

_FLAGS = {"maybe_duplicate": "maybe_duplicate", "replaced": "fallback"}
"""What is worth knowing of a message beside its state, by column."""


def status(db: Database, identity: str) -> dict[str, Any]:
    """One message as the outside sees it: state, reason, flags, attempts, and the trace that tells why.

    Of a reminder also the `occasion`: its kind, its reference and the rule.

    Numbers and texts stay in the ledger. Raises NotFound.
    """
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(message).where(message.c.id == identity))
        if not found:
            raise NotFound("no message has this id or reference")
        attempts = tx.rows(select(attempt).where(attempt.c.message_id == identity).order_by(attempt.c.epoch))
        reminded = select(occasion.c.kind, occasion.c.reference).where(occasion.c.id == found[0]["occasion_id"])
        of = tx.rows(reminded) if found[0]["occasion_id"] else []
        lines = tx.rows(select(trace).where(trace.c.message_id == identity).order_by(trace.c.id))
    return summary(found[0]) | {
        "occasion": of[0] | {"rule": found[0]["rule"]} if of else None,
        "attempts": [_attempt(one) for one in attempts],
        "trace": _trace(found[0], attempts, lines),
    }


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a message that may be shown anywhere."""
    return {
        "id": row["id"],
        "state": row["state"],
        "code": row["code"],
        "reason": row["reason"],
        "flags": [flag for column, flag in _FLAGS.items() if row[column]],
        "reference": row["reference"],
        "lane": row["lane"],
        "kind": row["kind"],
        "template": row["template"],
        "category": row["category"],
        "job_id": row["job_id"],
        "campaign": row["campaign_id"],
        "tries": row["tries"],
        "created_at": _iso(row["created_at"]),
        "due_at": _iso(row["due_at"]),
        "expires_at": _iso(row["expires_at"]),
        "changed_at": _iso(row["changed_at"]),
    }


def listing(
    db: Database,
    *,
    states: Sequence[State] = (),
    lane: str | None = None,
    lanes: Collection[str] | None = None,
    recipient: str | None = None,
    reference: str | None = None,
    code: str | None = None,
    producer: str | None = None,
    template: str | None = None,
    flagged: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Messages, newest first, that fit every filter given, in these `lanes` or in all.

    `before` is the last id of the page before this one.
    """
    query = select(message).order_by(message.c.id.desc()).limit(limit)
    equal = {
        "lane": lane,
        "recipient": recipient,
        "reference": reference,
        "code": code,
        "producer": producer,
        "template": template,
    }
    query = query.where(*(message.c[name] == value for name, value in equal.items() if value is not None))
    if lanes is not None:
        query = query.where(message.c.lane.in_(lanes))
    if states:
        query = query.where(in_state(*states))
    if flagged:
        query = query.where(message.c.maybe_duplicate)
    if since:
        query = query.where(message.c.created_at >= since)
    if until:
        query = query.where(message.c.created_at < until)
    if before:
        query = query.where(message.c.id < before)
    with db.read() as tx:
        return [summary(row) for row in tx.rows(query)]


def counts(db: Database) -> dict[str, dict[str, int]]:
    """How many messages each lane has in each state."""
    by_lane: dict[str, dict[str, int]] = {}
    with db.read() as tx:
        query = select(message.c.lane, message.c.state, func.count().label("number"))
        for row in tx.execute(query.group_by(message.c.lane, message.c.state)):
            by_lane.setdefault(row.lane, {})[row.state] = row.number
    return by_lane


def last_done(db: Database, name: str) -> float | None:
    """Seconds since some process last did the duty `name`; None when none ever did. Raises Unavailable."""
    with db.read() as tx:
        done = tx.execute(select(duty.c.done_at).where(duty.c.name == name)).scalar()
        return (tx.now - done).total_seconds() if done else None


def _attempt(row: Row) -> dict[str, Any]:
    return {
        "n": row["epoch"],
        "started_at": _iso(row["started_at"]),
        "ended_at": _iso(row["ended_at"]),
        "outcome": row["outcome"] or "open",
        "status": row["status"],
        "code": row["code"],
        "text": row["text"],
        "job_id": row["job_id"],
        "worker": row["worker"],
    }


def _trace(row: Mapping[str, Any], attempts: Sequence[Row], lines: Sequence[Row]) -> list[dict[str, Any]]:
    """Everything that happened to the message, in the order of time."""
    told: list[tuple[datetime, str, str]] = [(row["created_at"], "accepted here", f"due {_iso(row['due_at'])}")]
    for one in attempts:
        told.append((one["claimed_at"], "claimed", f"by {one['worker']}"))
        told.append((one["started_at"], "posted", one["gates"]))
        if one["ended_at"]:
            answer = " ".join(str(part) for part in (one["status"], one["code"], one["job_id"] or one["text"]) if part)
            told.append((one["ended_at"], one["outcome"], answer))
    told += [(line["at"], line["event"], " ".join(filter(None, (line["code"], line["detail"])))) for line in lines]
    return [
        {"at": _iso(at), "event": event, "detail": detail} for at, event, detail in sorted(told, key=lambda t: t[0])
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None
