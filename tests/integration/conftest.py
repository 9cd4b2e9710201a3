"""Fixtures of the integration tests: empty ledgers at this release's schema, and a Valkey for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import text
from sqlmodel import SQLModel

from harkara.ledger.database import Database
from harkara.redis_client import connect
from harness.ledger import migrated
from harness.postgres import PostgresServer
from harness.valkey import ValkeyServer, valkey
from tests.integration.sandbox.process import Sandbox, sandbox_process


@pytest.fixture(scope="session")
def migrated_url(postgres_server: PostgresServer) -> str:
    """One PostgreSQL database for all tests that need an empty one: a new one takes longer than most tests."""
    return migrated(postgres_server.create_database("ledger"))


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty ledger, once on each kind of database."""
    sqlite = request.param == "sqlite"
    url = migrated(f"sqlite:///{tmp_path / 'harkara.db'}") if sqlite else request.getfixturevalue("migrated_url")
    database = Database(url, connections=10)
    try:
        if not sqlite:
            empty(database)
        yield database
    finally:
        database.close()


def empty(database: Database) -> None:
    """Delete all rows; a TRUNCATE of each table would take longer than most tests."""
    tables = list(SQLModel.metadata.tables)
    with database.write() as tx:
        filled = [name for name in tables if tx.execute(text(f"SELECT EXISTS (SELECT 1 FROM {name})")).scalar()]
        if filled:
            tx.execute(text(f"TRUNCATE {', '.join(filled)} CASCADE"))


@pytest.fixture(scope="module")
def valkey_server() -> Iterator[ValkeyServer]:
    """One Valkey for the tests of a module; `redis_server` is for tests that stop it."""
    with valkey() as server:
        yield server


@pytest.fixture
def redis_client(valkey_server: ValkeyServer) -> Iterator[redis.Redis]:
    """A client of the module's Valkey, which it empties first."""
    with connect(valkey_server.url, seconds=2) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def _sandbox_process() -> Iterator[Sandbox]:
    with sandbox_process(SANDBOX_LIMIT="none") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_sandbox_process: Sandbox) -> Sandbox:
    """The sandbox of the session without a rate limit, faults and requests."""
    _sandbox_process.reset()
    return _sandbox_process
