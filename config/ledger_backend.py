"""The backend of this deployment's HTTP API and command, from the settings."""

from __future__ import annotations

from config.settings import Settings
from harkara.backends.broker import Broker
from harkara.backends.ledger import LedgerBackend
from harkara.ledger.database import Database


def ledger_backend(settings: Settings, db: Database, broker: Broker) -> LedgerBackend:
    """Return the backend that commits a message to the ledger and then sends its hint through the broker."""
    return LedgerBackend(
        db,
        broker,
        deadlines=settings.deadlines,
        queued_seconds=settings.lease.total_seconds(),
        chunk=settings.chunk_size,
    )
