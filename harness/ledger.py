"""A ledger at this release's schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harkara.ledger import migrate
from harkara.ledger.database import Database


@contextmanager
def open_ledger(url: str, **options: Any) -> Iterator[Database]:
    """Create or migrate the tables, and close the database at the end; `options` are those of Database."""
    db = Database(url, **options)
    try:
        migrate.upgrade(db)
        yield db
    finally:
        db.close()


def migrated(url: str) -> str:
    """Create the tables in an empty database, and return its URL."""
    with open_ledger(url):
        return url
