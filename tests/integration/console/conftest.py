"""The console over an SQLite ledger; what differs between databases is tested with the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harkara.ledger.database import Database
from harness.ledger import open_ledger
from tests.integration.console.server import Server, console_of, serve


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Database]:
    with open_ledger(f"sqlite:///{tmp_path / 'harkara.db'}", connections=10) as db:
        yield db


@pytest.fixture
def server(ledger: Database) -> Iterator[Server]:
    with serve(console_of(ledger)) as server:
        yield server
