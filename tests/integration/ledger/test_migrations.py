"""Migrations: they create the tables of this release, are reversible, and may run concurrently."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from harkara.errors import Unavailable
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.tables import all_tables
from harkara.receipt import Change
from harness.ports import free_port
from tests.integration.ledger.occasions import occasion_rows, save, visit
from tests.integration.ledger.steps import accept_messages, reply, row

ROOT = Path(__file__).resolve().parents[3]


def tables(db: Database) -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_migrations_upgrade_downgrade_and_upgrade_again(database_url: str) -> None:
    db = Database(database_url)
    assert not migrate.at_head(db)
    upgrade(db)
    migrate.downgrade(db, "base")
    assert not migrate.at_head(db)
    assert tables(db) == set()
    upgrade(db)
    db.close()


def upgrade(db: Database) -> None:
    """Create the tables, and write a row."""
    migrate.upgrade(db)
    assert migrate.at_head(db)
    assert tables(db) == set(all_tables().tables)
    accept_messages(db, reply())


def test_migrations_create_the_tables_that_the_code_declares(database_url: str) -> None:
    db = Database(database_url)
    migrate.upgrade(db)
    with db.connection() as connection:
        assert compare_metadata(MigrationContext.configure(connection), all_tables()) == []
    db.close()


def test_the_head_is_the_newest_script() -> None:
    assert migrate.head() == ScriptDirectory(str(ROOT / "harkara/ledger/migrations")).get_current_head()


def test_an_upgrade_preserves_the_rows(own_db: Database) -> None:
    (identity,) = accept_messages(own_db, reply())
    before = row(own_db, identity)
    migrate.upgrade(own_db)
    assert row(own_db, identity) == before


def test_two_processes_may_upgrade_at_once(database_url: str) -> None:
    """The second waits for the lock of the first, which on a busy host has it for longer than the usual timeout."""
    script = (
        "import sys; from harkara.ledger import migrate; from harkara.ledger.database import Database;"
        " db = Database(sys.argv[1], lock_timeout=60); print('ready', flush=True); sys.stdin.readline();"
        " migrate.upgrade(db)"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", script, database_url]
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) for _ in range(2)]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin
        print("go", file=process.stdin, flush=True)
    assert [process.communicate()[1] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    db = Database(database_url)
    assert migrate.at_head(db)
    db.close()


def test_an_unreachable_database_raises_unavailable() -> None:
    db = Database(f"postgresql://harkara@127.0.0.1:{free_port()}/nothing")
    with pytest.raises(Unavailable):
        migrate.at_head(db)
    with pytest.raises(Unavailable):
        migrate.upgrade(db)


def test_the_order_of_the_intake_is_added_to_a_ledger_with_occasions_and_removed_again(own_db: Database) -> None:
    save(own_db, visit())
    migrate.downgrade(own_db, "0006")
    with own_db.read() as tx:
        assert "stream_position" not in tx.execute(text("SELECT * FROM occasion")).keys()
    migrate.upgrade(own_db)
    (upgraded,) = occasion_rows(own_db)
    assert (upgraded["reference"], upgraded["stream_position"]) == ("visit 7", None)
    assert save(own_db, visit()) == [Change.UNCHANGED]
