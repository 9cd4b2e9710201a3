"""Fixtures of the integration tests: empty ledgers at this release's schema, and a Valkey for each module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.ledger.tables import all_tables
from harkara.redis_client import connect
from harness.ledger import copied_ledger, migrated, open_ledger, reopened, retain_statements
from harness.postgres import PostgresServer, driver_url
from harness.valkey import ValkeyServer, valkey
from tests.integration.sandbox.process import Sandbox, sandbox_process


@pytest.fixture(scope="session")
def migrated_url(postgres_server: PostgresServer) -> str:
    """One PostgreSQL database for all tests that need an empty one: a new one takes longer than most tests."""
    return copied_ledger(postgres_server, "ledger")


@pytest.fixture(scope="session")
def _postgres_db(migrated_url: str) -> Iterator[tuple[Database, Emptier]]:
    """One pool for all tests too: connections and compiled statements of its own take most of a short test."""
    database = retain_statements(Database(migrated_url, connections=10))
    with closing(Emptier(driver_url(migrated_url))) as emptier:
        yield database, emptier
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty ledger, once on each kind of database; a folder whose SQL is tested elsewhere has another `db`."""
    yield from _empty_ledger(request, tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def either_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """The same, for the tests of such a folder that need both."""
    yield from _empty_ledger(request, tmp_path)


def _empty_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "postgres":
        database, emptier = request.getfixturevalue("_postgres_db")
        emptier.empty()
        yield database
    else:
        with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", connections=10) as database:
            yield database


@pytest.fixture(params=["sqlite", "postgres"])
def own_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A ledger whose schema the test may change, once on each kind of database."""
    if request.param == "postgres":
        url = copied_ledger(request.getfixturevalue("postgres_server"))
    else:
        url = migrated(f"sqlite:///{tmp_path / 'harkara.db'}")
    with reopened(url) as database:
        yield database


_FEW_PAGES = 8
"""Of a table whose rows are deleted one by one: to TRUNCATE one takes longer than most tests, with all its indexes."""

_EMPTY_TABLE = """
IF EXISTS (SELECT 1 FROM {name}) THEN
    IF pg_relation_size('{name}') > {limit} THEN TRUNCATE {name} CASCADE; ELSE DELETE FROM {name}; END IF;
END IF;
"""
_EMPTY = "CREATE FUNCTION pg_temp.empty_ledger() RETURNS void LANGUAGE plpgsql AS $$ BEGIN {} END $$".format(
    "".join(_EMPTY_TABLE.format(name=name, limit=_FEW_PAGES * 8192) for name in all_tables().tables)
)


class Emptier:
    """A session that deletes all rows of a database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = self._connect()

    def empty(self) -> None:
        try:
            self._session.execute("SELECT pg_temp.empty_ledger()")
        except psycopg.OperationalError:  # a test has restarted the server since
            self._session = self._connect()
            self._session.execute("SELECT pg_temp.empty_ledger()")

    def close(self) -> None:
        self._session.close()

    def _connect(self) -> psycopg.Connection:
        session = psycopg.connect(self._url, autocommit=True)
        session.execute("SET session_replication_role = replica")  # without foreign keys, the order does not matter
        session.execute(_EMPTY)
        return session


def empty(database: Database) -> None:
    """Delete all rows of a database that few tests use."""
    has_rows = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in all_tables().tables
    )
    with database.write() as tx:
        if filled := tx.execute(text(has_rows)).scalars().all():
            tx.execute(text(f"TRUNCATE {', '.join(filled)} CASCADE"))


@pytest.fixture(scope="module")
def valkey_server() -> Iterator[ValkeyServer]:
    """One Valkey for the tests of a module; `redis_server` is for tests that stop it."""
    with valkey() as server:
        yield server


@pytest.fixture
def redis_client(valkey_server: ValkeyServer) -> Iterator[redis.Redis]:
    """A client of the module's Valkey, which it empties first."""
    with connect(valkey_server.url, seconds=30) as client:
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


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Start one browser for all tests: the system's Chromium, otherwise the one that Playwright installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()
