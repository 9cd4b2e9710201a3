"""Callbacks about updates of occasions that the ledger refuses after their caller is gone."""

from __future__ import annotations

from harkara.errors import Conflict, NotFound
from harkara.ledger.applied_entries import mark_applied
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.database import Database
from harkara.occasions import Closing, OccasionUpdate

REFUSED = "occasion.refused"
"""The kind of the callback."""


def notify_refusal(db: Database, update: OccasionUpdate, error: Conflict | NotFound, entry: str | None) -> None:
    """Write the callback; a repeat of `entry`, if given, writes no second one. Raises Unavailable."""
    with db.write() as tx:
        if entry is None or mark_applied(tx, f"refusal {entry}"):
            notify(tx, REFUSED, update.lane, update.reference[:40], _data(update, error))


def _data(update: OccasionUpdate, error: Conflict | NotFound) -> dict[str, str | int | None]:
    return {
        "kind": update.kind,
        "reference": update.reference,
        "update": update.status if isinstance(update, Closing) else "saved",
        "version": update.version,
        "code": "unknown" if isinstance(error, NotFound) else "conflict",
        "reason": str(error),
    }
