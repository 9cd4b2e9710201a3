"""Collect what the ledger can prove about one message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from harkara.errors import NotFound
from harkara.ledger.contacts.queries import list_contacts
from harkara.ledger.database import Database
from harkara.ledger.tables import attempt, event, message, trace
from harkara.ledger.transaction import Row

_HEAD = (
    "id reference lane producer recipient kind template category state code reason created_at posted_at replaced"
    " maybe_duplicate occasion_id campaign_id"
).split()
_ATTEMPT = "started_at ended_at gates outcome status code text job_id worker".split()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one message: `body` is the stored request, None once it is erased.

    `records` are attempts, changes of state, and webhooks with their digests; `consent` has the proofs of the
    recipient's opt-ins and opt-outs, under all names. Everything is JSON, with times in UTC.
    """

    message: dict[str, Any] = field(repr=False)
    body: str | None = field(repr=False)
    consent: Sequence[dict[str, Any]] = field(repr=False)
    records: Sequence[dict[str, Any]] = field(repr=False)


def collect_evidence(db: Database, identity: str) -> Evidence:
    """Return the evidence about the message with this id. Raises NotFound and Unavailable."""
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(message).where(message.c.id == identity))
        if not found:
            raise NotFound("no message has this id or reference")
        row = found[0]
        attempts = tx.rows(select(attempt).where(attempt.c.message_id == identity))
        lines = tx.rows(select(trace).where(trace.c.message_id == identity))
        events = tx.rows(select(event).where(event.c.message_id == identity))
    shown = {name: _json(row[name]) for name in _HEAD}
    records = (*map(_attempt, attempts), *map(_change, lines), *map(_webhook, events))
    return Evidence(shown, row["body"], list(_consent(db, row)), records)


def _consent(db: Database, row: Row) -> Iterator[dict[str, Any]]:
    if row["recipient"] is None:
        return
    try:
        (contact,) = list_contacts(db, row["recipient"], row["lane"])
    except NotFound:  # they have neither written nor chosen
        return
    for proof in contact.proofs:
        yield {"to": proof.recipient, **proof.to_dict(), "at": _json(proof.at)}


def _attempt(row: Row) -> dict[str, Any]:
    shown = {name: _json(row[name]) for name in _ATTEMPT}
    return {"at": shown["started_at"], "record": "attempt", "number": row["epoch"], **shown}


def _change(row: Row) -> dict[str, Any]:
    return {
        "at": _json(row["at"]),
        "record": "change",
        "to": row["event"],
        "code": row["code"],
        "detail": row["detail"],
    }


def _webhook(row: Row) -> dict[str, Any]:
    shown = {"status": row["about"], "received_at": _json(row["received_at"]), "identity": row["identity"]}
    return {"at": _json(row["at"]), "record": "webhook", **shown, "webhook_sha256": row["webhook_digest"]}


def _json(value: Any) -> Any:
    return value.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(value, datetime) else value
