"""A ledger that is not available."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harkara.ledger.database import Database

UNREACHABLE = "postgresql://harkara@127.0.0.1:1/harkara"


@pytest.fixture
def unavailable_db() -> Iterator[Database]:
    """A database whose server does not answer."""
    database = Database(UNREACHABLE, lock_timeout=1)
    yield database
    database.close()
