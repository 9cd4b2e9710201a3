"""Services that tests share: one server of each kind for a test process, an empty database for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from harness.postgres import PostgresServer, PostgresUnavailable, postgres
from harness.valkey import ValkeyServer, valkey


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Skips, visibly, where none can be had; in CI that is a failure."""
    try:
        with postgres("-c", "fsync=off") as server:
            yield server
    except PostgresUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'harkara.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database(f"t{uuid4().hex}")


@pytest.fixture
def redis_server() -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, that it may kill."""
    with valkey() as server:
        yield server
