"""A ledger of each kind, empty, at this release's schema."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harkara.ledger import migrate
from harkara.ledger.database import Database


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url, connections=10)
    migrate.upgrade(database)
    yield database
    database.close()
