"""The ledger of this deployment, from the settings."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from harkara.ledger.database import KINDS, Database


def open_database(settings: Settings) -> Database:
    """Return the ledger. It connects at the first query. Without a URL, its folder is Harkara's own.

    Raises SystemExit when that folder cannot be created.
    """
    if not settings.database_url:
        _create_private(settings.var)
    return Database(
        settings.ledger_url,
        lock_timeout=settings.database_patience.total_seconds(),
        connections=settings.database_connections // KINDS,
        callbacks_enabled=settings.callbacks_enabled,
    )


def _create_private(folder: Path) -> None:
    """Create the folder, if it is missing, for this user alone: it has numbers and texts of customers."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        problem = f"{folder} cannot be created: {error.strerror}; let this user write the folder above, or set another"
        raise SystemExit(f"HARKARA_VAR: {problem}") from None
