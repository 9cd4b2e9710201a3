"""The time limit and the databases of all acceptance tests."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from harness.ledger import migrated
from harness.postgres import PostgresServer

SECONDS = 300
"""The processes take long on a busy host."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def empty_ledger(postgres_server: PostgresServer) -> str:
    """The name of a PostgreSQL database with the tables, of which each test gets a copy."""
    name = "empty_ledger"
    migrated(postgres_server.create_database(name))
    return name


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger, once on each kind of database."""
    if request.param == "sqlite":
        return migrated(f"sqlite:///{tmp_path / 'harkara.db'}")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"t{uuid4().hex}"
    url = server.create_database(name, template=request.getfixturevalue("empty_ledger"))
    with server.connect(name) as connection:
        connection.execute("UPDATE identity SET ledger = %s", (uuid4().hex,))
    return url
