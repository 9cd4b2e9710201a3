"""The ledger of this deployment, from the settings."""

from __future__ import annotations

from config.settings import Settings
from harkara.ledger.database import KINDS, Database


def open_database(settings: Settings) -> Database:
    """Return the ledger. It connects at the first query. Without a URL, its folder is Harkara's own."""
    if not settings.database_url:
        settings.var.mkdir(parents=True, exist_ok=True)
    return Database(
        settings.ledger_url,
        lock_timeout=settings.database_patience.total_seconds(),
        connections=settings.database_connections // KINDS,
        callbacks_enabled=settings.callbacks_enabled,
    )
