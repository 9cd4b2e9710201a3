"""Every page reads a bounded part of each large table, by an index: it costs the same with a million messages.

The pages of SQLite are in `test_every_page`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.roles import Role
from tests.integration.conftest import empty
from tests.integration.console.everything import ASSISTED, HEALTH, fill, paths
from tests.integration.console.plans import recorded, whole_tables
from tests.integration.console.server import console_of, serve


@pytest.fixture
def ledger(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url, connections=10, callbacks_enabled=True)
    empty(database)
    yield database
    database.close()


def test_no_page_reads_a_large_table_of_postgresql_without_a_bound(ledger: Database, tmp_path: Path) -> None:
    with serve(console_of(ledger, files=lambda: ASSISTED, health=HEALTH)) as server:
        pages = list(paths(fill(ledger, tmp_path)))
        browser = server.user("Asha", Role.ADMIN)
        with recorded(ledger) as statements:
            for path in pages:
                statements.page = path.partition("?")[0]
                assert browser.see(path).status_code < 500, path
    assert len(statements) > 50
    assert whole_tables(ledger, statements) == {}


def test_the_reading_of_plans_finds_what_reads_a_whole_table(db: Database) -> None:
    queries = {
        "SELECT count(*) FROM message": "message",
        "SELECT count(*) FROM attempt WHERE text = 'x'": "attempt",
        "SELECT id FROM message ORDER BY body LIMIT 3": "message",
        "SELECT id FROM callback WHERE reason = 'x' LIMIT 3": "callback",
        "SELECT count(*) FROM (SELECT id FROM message WHERE state = 'waiting' LIMIT 3) AS counted": None,
        "SELECT id FROM message ORDER BY id DESC LIMIT 3": None,
        "SELECT id FROM message WHERE id = 'x'": None,
    }
    with recorded(db) as statements, db.read() as tx:
        for query in queries:
            tx.execute(text(query))
    found = {query: tables for (_, query), tables in whole_tables(db, statements).items()}
    assert found == {query: {table} for query, table in queries.items() if table}
