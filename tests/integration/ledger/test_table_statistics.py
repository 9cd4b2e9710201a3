"""Workers analyze a table that has outgrown its statistics, and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from harkara.delivery.leased_rounds import Rounds
from harkara.delivery.table_statistics import TableStatistics
from harkara.ledger.database import Database
from harkara.ledger.tables import all_tables
from harness.ledger import copied_ledger, reopened
from harness.postgres import PostgresServer
from tests.integration.conftest import empty
from tests.integration.ledger.bulk import (
    fill,
    only_analyzed_here,
    wait_until_analyzed,
    wait_until_counted,
)
from tests.integration.ledger.steps import accept_messages, reply

PLENTY = 1200
"""Enough changes for a table of few rows."""


@pytest.fixture(scope="module")
def own_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """Sessions report their changes up to ten seconds late, also those of other tests."""
    with reopened(copied_ledger(postgres_server, "statistics"), connections=10) as database:
        yield database


@pytest.fixture
def db(own_database: Database) -> Database:
    empty(own_database)
    return own_database


def statistics(db: Database) -> TableStatistics:
    return TableStatistics(db, Rounds(db, "test", lambda _name: 0.0))


def template_in(db: Database) -> str:
    """Analyze all tables and accept one message, to be copied; return its id."""
    with db.write() as tx:
        for table in all_tables().tables:
            tx.execute(text(f"ANALYZE {table}"))
    (template,) = accept_messages(db, reply())
    return template


def test_a_table_is_analyzed_once_a_thousand_rows_and_half_of_it_have_changed(db: Database) -> None:
    template = template_in(db)
    with only_analyzed_here(db):
        fill(db, template, 900, "few")
        wait_until_counted(db, 900)
        assert statistics(db).renew() == []
        fill(db, template, 1100, "many")
        wait_until_counted(db, 2000)
        assert statistics(db).renew() == ["message"]
        wait_until_analyzed(db)
        fill(db, template, 1900, "less-than-half")
        wait_until_counted(db, 1900)
        assert statistics(db).renew() == [], "2,001 rows take 2,000 changes"
        fill(db, template, 200, "more-than-half")
        wait_until_counted(db, 2100)
        assert statistics(db).renew() == ["message"]


def test_a_table_that_another_session_has_locked_is_analyzed_later_and_not_waited_for(db: Database) -> None:
    template = template_in(db)
    with only_analyzed_here(db):
        fill(db, template, PLENTY)
        wait_until_counted(db, PLENTY)
        with db.write() as other, capture_logs() as lines:
            other.execute(text("LOCK TABLE message IN SHARE UPDATE EXCLUSIVE MODE"))  # as VACUUM does
            statistics(db).renew()
        assert lines == [], "a wait for the lock would have ended with an error"
        wait_until_counted(db, PLENTY)
        statistics(db).renew()
        wait_until_analyzed(db)


def test_a_user_who_may_not_analyze_does_not_try(db: Database) -> None:
    template = template_in(db)
    role = "writes_only"
    url = db.url.set(username=role).render_as_string(hide_password=False)
    with only_analyzed_here(db):
        fill(db, template, PLENTY)
        wait_until_counted(db, PLENTY)
        with db.write() as tx:
            tx.execute(text(f"CREATE ROLE {role} LOGIN"))
            tx.execute(text(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}"))
        limited = Database(url)
        try:
            assert statistics(limited).renew() == []
        finally:
            limited.close()
            with db.write() as tx:
                tx.execute(text(f"DROP OWNED BY {role}"))
                tx.execute(text(f"DROP ROLE {role}"))
        assert statistics(db).renew() == ["message"]


def test_statistics_that_cannot_be_renewed_are_logged_once_and_renewed_later(db: Database) -> None:
    template = template_in(db)
    impatient = Database(db.url.render_as_string(hide_password=False), lock_timeout=0.2)
    renewing = statistics(impatient)
    with only_analyzed_here(db):
        fill(db, template, PLENTY)
        wait_until_counted(db, PLENTY)
        with db.write() as other, capture_logs() as lines:
            other.execute(text("LOCK TABLE pg_statistic IN EXCLUSIVE MODE"))  # ANALYZE skips locked tables only
            assert [renewing.renew(), renewing.renew()] == [[], []]
        assert [(line["action"], line["table"]) for line in lines] == [("statistics_outdated", "message")]
        assert renewing.renew() == ["message"]
    impatient.close()
