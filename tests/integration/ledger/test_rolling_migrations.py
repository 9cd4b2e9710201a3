"""Each migration since the previous release lets its processes go on: rules for the statements that PostgreSQL gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import event, text

from harkara.errors import Conflict
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LockTimeout
from harkara.ledger.identity import current_time, register
from harkara.ledger.pending_migrations import count_rows, oldest_transaction, pending_migrations
from harkara.ledger.previous_release import REVISION
from harkara.ledger.schema_state import SCRIPTS
from harness.ledger import ALEMBIC, copied_ledger
from harness.postgres import PostgresServer
from harness.waiting import wait_until

LARGE = "message attempt trace event charge callback contact occasion act"
"""Tables with a row for each message or person: a lock on one for the time of a scan is an outage."""

EXCEPTIONS = {
    "CREATE INDEX ix_event_message_id ON event (message_id) WHERE message_id IS NOT NULL": (
        "in a small table, as here: a large one gets it before, CONCURRENTLY (test_online_indexes.py)"
    )
}
"""Statements that break a rule, with the reason why the previous release goes on all the same."""

_TABLE = r'"?(?P<table>\w+)"?'
RULES = {
    rf"DROP TABLE (IF EXISTS )?{_TABLE}": "the previous release reads the table: drop it one release later",
    rf"ALTER TABLE {_TABLE} DROP COLUMN": "the previous release reads the column: drop it one release later",
    rf"ALTER TABLE {_TABLE} RENAME": "the previous release knows the former name: add the new one beside it",
    rf"ALTER TABLE {_TABLE} ADD COLUMN (?!.*DEFAULT).*NOT NULL": "the previous release writes no value: give a default",
    rf"ALTER TABLE {_TABLE} ALTER COLUMN \w+ SET NOT NULL": "the previous release may write NULL",
    rf"ALTER TABLE {_TABLE} ALTER COLUMN \w+ TYPE": "all rows are written again under a lock",
    rf"ALTER TABLE {_TABLE} ADD CONSTRAINT": "rows of the previous release may break it, and all are scanned",
    rf"CREATE UNIQUE INDEX (?!CONCURRENTLY).*? ON {_TABLE}": "rows of the previous release may break it",
}
RULES_FOR_LARGE = {
    rf"CREATE INDEX (?!CONCURRENTLY).*? ON {_TABLE}": "writes wait for the scan: create it CONCURRENTLY",
    rf"UPDATE {_TABLE} ": "all rows are locked: let the workers change them in steps",
    rf"DELETE FROM {_TABLE}\b": "all rows are locked: let the workers delete them in steps",
}


def broken_rules(statements: list[str]) -> list[str]:
    """Return each statement that would stop the previous release, with the reason. A table of their own may be new."""
    tables = (re.match(r'CREATE TABLE "?(\w+)', each) for each in statements)
    created = {table[1] for table in tables if table}
    found = []
    for statement in (each for each in statements if each not in EXCEPTIONS):
        for rule, reason in (RULES | RULES_FOR_LARGE).items():
            match = re.match(rule, statement)
            is_large = match is not None and match["table"] in LARGE.split()
            if match and match["table"] not in created and (rule in RULES or is_large):
                found.append(f"{statement}: {reason}")
    return found


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE turn",
        "ALTER TABLE message DROP COLUMN lane",
        "ALTER TABLE message RENAME lane TO account",
        'ALTER TABLE turn ADD COLUMN "kind" VARCHAR(3) NOT NULL',
        "ALTER TABLE turn ALTER COLUMN kind SET NOT NULL",
        "ALTER TABLE turn ALTER COLUMN kind TYPE TEXT",
        "ALTER TABLE turn ADD CONSTRAINT ck_kind CHECK (kind IN ('a'))",
        "CREATE UNIQUE INDEX ix ON turn (kind)",
        "CREATE INDEX ix ON message (lane)",
        "UPDATE message SET lane = 'x'",
        "DELETE FROM event",
    ],
)
def test_what_would_stop_the_previous_release_is_found(statement: str) -> None:
    assert len(broken_rules([statement])) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE turn ADD COLUMN kind VARCHAR(3)",
        "ALTER TABLE turn ADD COLUMN kind INTEGER DEFAULT 0 NOT NULL",
        "CREATE INDEX CONCURRENTLY ix ON message (lane)",
        "CREATE INDEX ix ON turn (kind)",
        "UPDATE identity SET oldest_revision = '0025'",
    ],
)
def test_what_lets_it_go_on_is_allowed(statement: str) -> None:
    assert broken_rules([statement]) == []


@pytest.fixture
def earlier(postgres_server: PostgresServer) -> Iterator[Database]:
    """A ledger with the schema of the previous release."""
    db = Database(copied_ledger(postgres_server))
    with ALEMBIC:
        migrate.downgrade(db, REVISION)
    yield db
    db.close()


def test_the_migrations_since_the_previous_release_let_it_go_on(earlier: Database) -> None:
    statements: list[str] = []

    @event.listens_for(earlier.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()))

    with ALEMBIC:
        migrate.upgrade(earlier)
    assert any(each.startswith("ALTER TABLE process ADD COLUMN release") for each in statements)
    assert "SET LOCAL lock_timeout = 2000" in statements
    assert broken_rules(statements) == []


def test_revisions_follow_each_other_in_the_order_of_their_numbers() -> None:
    """A process compares the numbers to know which schema is newer."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(SCRIPTS)).walk_revisions()
    assert [script.revision for script in reversed(list(scripts))] == migrate.revisions()


def test_a_migration_that_gets_no_lock_begins_anew_and_stops_no_write_for_long(earlier: Database) -> None:
    waiting = text(
        "SELECT xact_start FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'"
    )
    attempts: set[object] = set()

    def upgrade() -> None:
        with ALEMBIC:
            migrate.upgrade(earlier)

    def has_begun_anew() -> bool:
        with earlier.read() as tx:
            attempts.update(tx.execute(waiting).scalars())
        return len(attempts) > 1

    thread = Thread(target=upgrade)
    with earlier.read(snapshot=True) as reader:  # as a backup that reads all tables
        reader.execute(text("SELECT 1 FROM identity"))
        thread.start()
        wait_until(has_begun_anew, 60, "a second attempt waits for the lock")
        assert migrate.revision(earlier) == REVISION
    thread.join(60)
    assert migrate.at_head(earlier)


def test_a_migration_that_never_gets_its_lock_changes_nothing(earlier: Database) -> None:
    with earlier.read(snapshot=True) as reader:
        reader.execute(text("SELECT 1 FROM identity"))
        oldest = oldest_transaction(earlier)
        assert oldest is not None
        assert oldest.program == "harkara"
        with ALEMBIC, pytest.raises(LockTimeout):
            migrate.upgrade(earlier, patience=0)
    assert migrate.revision(earlier) == REVISION


def test_what_is_pending_is_named_with_its_tables(earlier: Database) -> None:
    pending = {each.revision: each for each in pending_migrations(migrate.schema_state(earlier))}
    assert list(pending) == [each for each in migrate.revisions() if each > REVISION]
    assert pending["0028"].about.startswith("Drafts of the assistant")
    assert pending["0028"].tables == ("turn",)
    assert count_rows(earlier, ["turn", "nothing"]) == {"turn": 0}


def test_processes_of_two_releases_back_stop_before_the_schema_moves(earlier: Database) -> None:
    with ALEMBIC:
        migrate.downgrade(earlier, "0024")
    register(earlier, "worker:1", "redis", current_time(earlier))
    with pytest.raises(Conflict, match="worker:1"):
        migrate.move(earlier, migrate.head())
    assert migrate.revision(earlier) == "0024"
