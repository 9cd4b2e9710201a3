"""Fixtures of the delivery tests: a Redis, an SQLite ledger and a sender."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harkara.delivery.sender import Sender
from harkara.ledger.database import Database
from harness.ledger import open_ledger
from harness.valkey import ValkeyServer
from tests.integration.delivery.running import running_sender
from tests.integration.sandbox.process import Sandbox


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    return valkey_server.url


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", lock_timeout=0.5) as database:
        yield database


@pytest.fixture
def sender(db: Database, sandbox: Sandbox, redis_url: str) -> Iterator[Sender]:
    with running_sender(db, sandbox, redis_url) as running:
        yield running
