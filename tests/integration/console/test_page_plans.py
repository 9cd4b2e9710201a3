"""Every page reads a bounded part of each large table, by an index: it costs the same with a million messages.

The pages of SQLite are in `test_every_page`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from harkara.ledger.database import Database
from harkara.roles import Role
from tests.integration.conftest import empty
from tests.integration.console.everything import ASSISTED, HEALTH, fill, paths
from tests.integration.console.plans import recorded, whole_tables
from tests.integration.console.server import console_of, serve

DAY = "since=2026-11-29T00:00&until=2026-11-30T00:00"
FILTERED = (
    f"/messages?{DAY}",
    f"/messages?{DAY}&state=failed&state=uncertain",
    f"/messages?{DAY}&state=delivered&state=read",
    f"/messages?{DAY}&code=131026&before=job_1",
    "/messages?lane=shop",
    "/messages?state=read",
    "/messages?state=failed&state=cancelled",
    "/messages?producer=api",
    f"/messages/why?{DAY}",
    "/messages/why?state=failed",
    "/messages/why?lane=shop",
    "/calendar?view=day&after=2026-11-30T00:00:00Z~occ_1",
)
"""Pages whose filters no index finds alone."""


@pytest.fixture
def ledger(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url, connections=10, callbacks_enabled=True)
    empty(database)
    yield database
    database.close()


def test_no_page_reads_a_large_table_of_postgresql_without_a_bound(ledger: Database, tmp_path: Path) -> None:
    with serve(console_of(ledger, files=lambda: ASSISTED, health=HEALTH)) as server:
        pages = [*paths(fill(ledger, tmp_path)), *FILTERED]
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
    assert found_by_plans(db, queries) == {query: {table} for query, table in queries.items() if table}


def test_the_reading_of_plans_finds_what_grows_with_a_day(ledger: Database) -> None:
    queries = {
        "SELECT count(*) FROM message WHERE id > 'x' AND id < 'y'": "message",
        "SELECT id FROM message WHERE id < 'x' AND created_at < now() ORDER BY id DESC LIMIT 3": "message",
        "SELECT sum(n) FROM (SELECT 1 AS n FROM message WHERE id > 'x' ORDER BY id LIMIT 3) AS counted": None,
    }
    assert found_by_plans(ledger, queries) == {query: {table} for query, table in queries.items() if table}


def found_by_plans(db: Database, queries: Iterable[str]) -> dict[str, set[str]]:
    """Return the tables that each of these queries reads without a bound."""
    with recorded(db) as statements, db.read() as tx:
        for query in queries:
            tx.execute(text(query))
    return {query: tables for (_, query), tables in whole_tables(db, statements).items()}
