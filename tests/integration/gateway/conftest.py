"""The HTTP API over an SQLite ledger, called in this process without a server.

What differs between databases is tested with the ledger; the tests of accepting, reading and health have both kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies, create_app
from harkara.ledger.database import Database
from harness.ledger import open_ledger
from tests.integration.gateway.fixtures import SHOP, dependencies_of, unreachable_database


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", connections=10) as database:
        yield database


@pytest.fixture
def deps(db: Database) -> Dependencies:
    return dependencies_of(db)


@pytest.fixture(scope="session")
def _shared_app() -> FastAPI:
    """One app for all tests: its routes take longer to build than most requests."""
    return create_app(dependencies_of(unreachable_database()))


@pytest.fixture
def app(_shared_app: FastAPI, deps: Dependencies) -> FastAPI:
    """The app over the ledger of the test; its metrics are those of all tests."""
    _shared_app.state.dependencies = replace(deps, registry=_shared_app.state.dependencies.registry)
    return _shared_app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client with the token of `shop`."""
    with TestClient(app, headers=SHOP) as client:
        yield client
