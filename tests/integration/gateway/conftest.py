"""The HTTP API over a ledger of each kind, called in this process without a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from harkara.gateway import Dependencies, create_app
from harkara.ledger.database import Database
from tests.integration.gateway.fixtures import SHOP, dependencies_of


@pytest.fixture
def deps(db: Database) -> Dependencies:
    return dependencies_of(db)


@pytest.fixture
def app(deps: Dependencies) -> FastAPI:
    return create_app(deps)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client with the token of `shop`."""
    with TestClient(app, headers=SHOP) as client:
        yield client
