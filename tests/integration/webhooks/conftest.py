"""A ledger that is available and one that is not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harkara.ledger.database import Database
from harness.ledger import open_ledger

UNREACHABLE = "postgresql://harkara@127.0.0.1:1/harkara"


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    with open_ledger(database_url, connections=10) as database:
        yield database


@pytest.fixture
def unavailable_db() -> Iterator[Database]:
    """A database whose server does not answer."""
    database = Database(UNREACHABLE, lock_timeout=1)
    yield database
    database.close()
