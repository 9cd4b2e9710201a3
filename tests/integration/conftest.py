"""A ledger of each kind, empty, at this release's schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import SQLModel

from harkara.ledger import migrate
from harkara.ledger.database import Database
from harness.postgres import PostgresServer


@pytest.fixture(scope="session")
def migrated_url(postgres_server: PostgresServer) -> str:
    """One database for all tests that only want it empty: to make one takes longer than most of them."""
    database = Database(postgres_server.create_database("ledger"))
    migrate.upgrade(database)
    database.close()
    return str(database.url)


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'harkara.db'}" if sqlite else request.getfixturevalue("migrated_url")
    database = Database(url, connections=10)
    if sqlite:
        migrate.upgrade(database)
    else:
        with database.write() as tx:
            tx.execute(text(f"TRUNCATE {', '.join(SQLModel.metadata.tables)}"))
    yield database
    database.close()
