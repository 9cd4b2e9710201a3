"""The web door over a ledger of each kind, without a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from harkara.gateway import Behind, gateway
from harkara.ledger.database import Database
from tests.integration.gateway.house import SHOP, behind_of


@pytest.fixture
def behind(db: Database) -> Behind:
    return behind_of(db)


@pytest.fixture
def app(behind: Behind) -> FastAPI:
    return gateway(behind)


@pytest.fixture
def web(app: FastAPI) -> Iterator[TestClient]:
    """Calls as the shop."""
    with TestClient(app, headers=SHOP) as client:
        yield client
