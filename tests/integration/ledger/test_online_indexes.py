"""The indexes of large tables: PostgreSQL builds them beside the writes, and rows survive their migration."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text

from harkara.ledger import migrate
from harkara.ledger.audit import audit
from harkara.ledger.campaigns.counts import fill_ranges, renew_counts
from harkara.ledger.campaigns.results import get_results
from harkara.ledger.database import Database
from harkara.ledger.messages.listing import list_page
from harkara.ledger.messages.search import MessageFilter
from harkara.ledger.online_indexes import build_online
from harkara.ledger.pending_migrations import read_migration
from harness.ledger import ALEMBIC, migrated
from harness.postgres import PostgresServer
from harness.waiting import wait_until
from tests.integration.ledger.campaigns import REFUSED, send_due, start_campaign
from tests.integration.ledger.test_foreign_key_migrations import declared_indexes
from tests.integration.ledger.webhooks import inbound_webhook, store_webhooks

BEFORE = "0038"
INDEX = "ix_event_message_id"

_INVALID = """
UPDATE pg_index SET indisvalid = false WHERE indexrelid = (
    SELECT oid FROM pg_class WHERE relname = 'ix_event_message_id'
)
"""


@pytest.fixture
def earlier(postgres_server: PostgresServer) -> Iterator[Database]:
    """A ledger with the schema before these indexes."""
    with closing(Database(migrated(postgres_server.create_database(f"t{uuid4().hex}")))) as db:
        with ALEMBIC:
            migrate.downgrade(db, BEFORE)
        yield db


def test_campaigns_survive_the_migration_in_both_directions(database_url: str) -> None:
    with closing(Database(database_url)) as db:
        migrate.upgrade(db)
        indexes = declared_indexes(db, "event")
        identity = start_campaign(db, 4)
        send_due(db, REFUSED, most=3)
        renew_counts(db, seconds=60, largest=1)
        before = get_results(db, identity)
        migrate.downgrade(db, BEFORE)
        assert not [each for each in declared_indexes(db, "event") if INDEX in each]
        migrate.upgrade(db)
        assert declared_indexes(db, "event") == indexes
        found = get_results(db, identity, largest=1)
        assert (found.by_state, found.failures, found.counted_at) == (before.by_state, before.failures, None)
        assert (fill_ranges(db), fill_ranges(db)) == (1, 0)
        assert len(list_page(db, MessageFilter(campaign=identity)).messages) == 4
        assert audit(db).clean


def test_postgresql_builds_the_indexes_while_messages_are_written(earlier: Database) -> None:
    statements = statements_of(earlier)
    with earlier.write() as writer:
        writer.execute(text("UPDATE event SET tries = 0 WHERE false"))  # the build waits until its end
        thread = Thread(target=build, args=(earlier,))
        thread.start()
        wait_until(lambda: is_building(earlier), 60, "the build waits")
        assert store_webhooks(earlier, inbound_webhook()) == 1
    thread.join(60)
    upgrade(earlier)
    assert migrate.at_head(earlier)
    assert [each for each in statements if each.startswith("CREATE INDEX")] == [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_event_message_id ON event (message_id)"
        " WHERE message_id IS NOT NULL",
    ]


def test_what_an_interrupted_build_left_is_built_anew(earlier: Database) -> None:
    with earlier.write() as tx:
        tx.execute(text("CREATE INDEX ix_event_message_id ON event (message_id) WHERE message_id IS NOT NULL"))
        tx.execute(text(_INVALID))
    build(earlier)
    upgrade(earlier)
    with earlier.read() as tx:
        found = tx.execute(text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")).scalar()
        limits = tx.execute(text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")).one()
    assert (found, "0" in limits) == (0, False)
    assert migrate.at_head(earlier)


def test_doctor_names_the_tables_of_the_indexes() -> None:
    assert read_migration("0039").tables == ("campaign", "event")


def build(db: Database) -> None:
    """Build the indexes as for a large table."""
    with ALEMBIC, db.connection() as connection:
        build_online(connection, migrate.online_indexes(["0039"]), small_bytes=-1)


def upgrade(db: Database) -> None:
    with ALEMBIC:
        migrate.upgrade(db)


def is_building(db: Database) -> bool:
    with db.read() as tx:
        return bool(
            tx.execute(text("SELECT count(*) FROM pg_stat_progress_create_index WHERE lockers_total > 0")).scalar()
        )


def statements_of(db: Database) -> list[str]:
    statements: list[str] = []

    @event.listens_for(db.engine, "before_cursor_execute")
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(" ".join(statement.split()))

    return statements
