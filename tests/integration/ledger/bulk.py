"""A bulk of messages for tests of query plans, and PostgreSQL's statistics in a known state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from harkara.ledger.database import Database
from harness.waiting import wait_until
from tests.integration.ledger.steps import row

COUNTED_SECONDS = 60.0
"""A session reports its changes about a second after its last report (PostgreSQL, pgstat.c)."""


def fill(db: Database, template: str, rows: int, name: str = "copy") -> None:
    """Copy one row many times within the database, for several producers, due over the next days."""
    kept = row(db, template)
    names = [name for name in kept if name not in ("id", "due_at", "expires_at", "producer", "priority", "reference")]
    numbers = f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {rows})"
    moment = (
        "strftime('%Y-%m-%d %H:%M:%f', 'now', '+' || (3600 + n) || ' seconds') || '000'"
        if db.sqlite
        else "clock_timestamp() + (3600 + n) * interval '1 second'"
    )
    with db.write() as tx:
        tx.execute(
            text(
                f"INSERT INTO message (id, due_at, expires_at, producer, priority, {', '.join(names)}) {numbers}"
                f" SELECT '{name}' || n, {moment}, {moment}, 'p' || (n % 7), n % 4, {', '.join(names)}"
                f" FROM n, message WHERE id = '{template}'"
            )
        )


@contextmanager
def only_analyzed_here(db: Database) -> Iterator[None]:
    """Analyze the messages as they are now, and let no autovacuum do it until the end; SQLite has none."""
    if db.sqlite:
        yield
        return
    with db.write() as tx:
        tx.execute(text("ALTER TABLE message SET (autovacuum_enabled = off)"))
    try:
        with db.write() as tx:
            tx.execute(text("ANALYZE message"))
        yield
    finally:
        with db.write() as tx:
            tx.execute(text("ALTER TABLE message RESET (autovacuum_enabled)"))


def wait_until_counted(db: Database, changes: int) -> None:
    """Wait until PostgreSQL has counted that many changes of messages since they were analyzed last."""
    wait_until(lambda: db.sqlite or changes_since_analyze(db) >= changes, COUNTED_SECONDS, f"{changes} changes counted")


def wait_until_analyzed(db: Database) -> None:
    """Wait until PostgreSQL has counted that messages were analyzed; sessions may report a few changes afterwards."""
    wait_until(lambda: changes_since_analyze(db) < 100, COUNTED_SECONDS, "messages analyzed")


def changes_since_analyze(db: Database) -> int:
    query = text("SELECT n_mod_since_analyze FROM pg_stat_user_tables WHERE relid = 'message'::regclass")
    with db.write() as tx:  # the end of a transaction reports the changes of its session
        return int(tx.execute(query).scalar_one())
