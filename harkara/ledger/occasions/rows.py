"""Rows of the table `occasion`: written from updates, and read as occasions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from uuid_utils import uuid7

from harkara.ledger.transaction import Row
from harkara.occasions import Closing, Ending, Occasion, OccasionKey, OccasionUpdate

NOT_DERIVED = ""
"""The value of `rules` for an occasion whose reminders must be derived again."""


def new_row(update: Occasion, now: datetime) -> Row:
    """Return a row that holds the key and no content yet: the first update applies to it like every later one."""
    return {
        "id": f"occ_{uuid7().hex}",
        **update.key._asdict(),
        "producer": update.producer,
        "recipient": None,
        "language": None,
        "parameters": None,
        "at": update.at,
        "zone": update.zone,
        "version": None,
        "stream_position": None,
        "revision": 0,
        "rules": NOT_DERIVED,
        "status": "open",
        "reason": None,
        "created_at": now,
        "changed_at": now,
        "closed_at": None,
        "follow_up_until": None,
    }


def is_new(row: Row) -> bool:
    """Whether no update has been applied to the row."""
    return not row["revision"] and row["recipient"] is None


def key_of(row: Row) -> OccasionKey:
    return OccasionKey(*(row[name] for name in OccasionKey._fields))


def content_of(update: OccasionUpdate) -> dict[str, Any]:
    """Return the columns that the update sets, apart from the version."""
    if isinstance(update, Closing):
        return {"status": update.status, "reason": update.reason}
    return {
        "producer": update.producer,
        "recipient": update.to,
        "language": update.language,
        "parameters": json.dumps(update.parameters, ensure_ascii=False, sort_keys=True),
        "at": update.at,
        "zone": update.zone,
        "status": "open",
        "reason": None,
    }


def occasion_of(row: Row) -> Occasion:
    """Return the occasion without validating it again."""
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


def ending_of(row: Row) -> Ending | None:
    """Return how the occasion ended, None if it is open.

    A release that does not record the time of the closing left it out: such an occasion ended long ago.
    """
    if row["status"] == "open":
        return None
    return Ending(row["status"], row["closed_at"] or row["created_at"], row["reason"])


def superseded_reason(row: Row) -> str:
    """Return the sentence for the trace of a reminder that the occasion's last change made obsolete."""
    if row["status"] == "open":
        return f"Its {row['kind']} or the reminder rules changed, and this reminder no longer fits."
    reason = f": {row['reason']}" if row["reason"] else ""
    ended = "ended as a no-show" if row["status"] == "no-show" else f"was {row['status']}"
    return f"Its {row['kind']} {ended}{reason}."
