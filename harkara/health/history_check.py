"""The check of the history: how old the ledger is, and what becomes of old messages."""

from __future__ import annotations

from collections.abc import Iterator

from harkara.health.check import Check
from harkara.ledger.database import Database
from harkara.ledger.history import oldest_message


def history_check(db: Database, history_days: float | None) -> Iterator[Check]:
    """Report the oldest message and whether it will be deleted; nothing without messages. Raises Unavailable."""
    oldest = oldest_message(db)
    if oldest is None:
        return
    about = {"day": f"{oldest:%Y-%m-%d}", "days": f"{history_days or 0:g}"}
    if history_days is None:
        yield Check("history", True, "oldest message of %(day)s; rows of messages are kept for ever", about)
    else:
        yield Check("history", True, "oldest message of %(day)s; deleted %(days)s days after its last change", about)
