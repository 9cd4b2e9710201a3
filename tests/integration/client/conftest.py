"""An empty ledger, and clients of Redis or of a database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from harkara import Client
from harkara.ledger.database import Database
from harness.ledger import migrated, open_ledger
from harness.valkey import ValkeyServer


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}") as database:
        yield database


@pytest.fixture
def client(valkey_server: ValkeyServer, redis_client: redis.Redis) -> Iterator[Client]:
    """A client with Redis alone, which is empty."""
    with Client(valkey_server.url, producer="shop") as client:
        yield client


@pytest.fixture
def direct(database_url: str) -> Iterator[Client]:
    """A client with the database alone."""
    with Client(database_url=migrated(database_url), producer="shop") as client:
        yield client
