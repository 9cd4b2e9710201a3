"""Servers for all tests: one PostgreSQL for a test process, a Valkey and an empty database for a test.

And the order of a run in several processes.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from harness.postgres import PostgresServer, PostgresUnavailable, postgres
from harness.spread import Spread, mix
from harness.valkey import ValkeyServer, valkey


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    return Spread(config, log)


# Neither a slow machine nor a fixture that all examples share may fail a property.
settings.register_profile(
    "harkara", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("harkara")


def pytest_configure() -> None:
    """Collect no garbage while modules are imported: there is none, and to look for it takes a fifth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # this process is one of several
        mix(items)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session. Without one the tests are skipped, in CI they fail."""
    try:
        # The ledger's times are values, whatever zone the sessions of the server have.
        with postgres("-c", "fsync=off", "-c", "timezone=Asia/Kolkata") as server:
            yield server
    except PostgresUnavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'harkara.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database(f"t{uuid4().hex}")


@pytest.fixture
def redis_server() -> Iterator[ValkeyServer]:
    """A Valkey for this test alone, which it may stop or kill."""
    with valkey() as server:
        yield server
