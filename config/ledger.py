"""The ledger of this deployment, from the settings."""

from __future__ import annotations

from config.settings import Settings
from harkara.ledger.database import Database


def open_database(settings: Settings) -> Database:
    """Return the ledger. It connects at the first query."""
    lock_timeout = settings.database_patience.total_seconds()
    return Database(settings.ledger_url, lock_timeout=lock_timeout, callbacks_enabled=settings.callbacks_enabled)
