"""The schema moves to that of another release, and a release refuses the schema of a newer one with the next step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from harkara.errors import Conflict, Invalid
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import OTHER_SCHEMA, OtherSchema
from harkara.ledger.identity import ALIVE_SECONDS, current_time, register
from harkara.ledger.previous_release import REVISION
from harness.ledger import open_ledger

FORMER = "0008"


@pytest.fixture
def ledger(database_url: str) -> Iterator[Database]:
    with open_ledger(database_url) as db:
        yield db


def test_a_rollback_moves_the_schema_back_and_the_next_upgrade_forward(ledger: Database) -> None:
    migrate.move(ledger, FORMER)
    assert migrate.revision(ledger) == FORMER
    assert f"{OTHER_SCHEMA} (it has {FORMER}; missing: 0009, " in (migrate.schema_problem(ledger) or "")
    migrate.move(ledger, "0007")
    migrate.move(ledger, migrate.head())
    assert migrate.schema_problem(ledger) is None


def test_the_schema_does_not_move_back_while_a_process_runs(ledger: Database) -> None:
    now = current_time(ledger)
    register(ledger, "web:1", "redis", now)
    with pytest.raises(Conflict, match="web:1"):
        migrate.move(ledger, FORMER)
    assert migrate.schema_problem(ledger) is None
    register(ledger, "web:1", "redis", now - timedelta(seconds=ALIVE_SECONDS + 1))
    migrate.move(ledger, FORMER)


def test_the_schema_of_two_releases_ahead_is_refused_with_the_command_that_moves_it_back(ledger: Database) -> None:
    move_ahead(ledger, oldest="9998")
    step = f"--to {migrate.head()}"
    assert step in (migrate.schema_problem(ledger) or "")
    for revision in (FORMER, migrate.head()):
        with pytest.raises(OtherSchema, match=step):
            migrate.move(ledger, revision)


def test_an_unknown_revision_is_refused_with_the_known_ones(ledger: Database) -> None:
    with pytest.raises(Invalid, match=f"0001 to {migrate.head()}"):
        migrate.move(ledger, "8")


@pytest.mark.parametrize("oldest", [REVISION, migrate.head()])
def test_the_schema_of_the_next_release_is_left_as_it_is(ledger: Database, oldest: str) -> None:
    move_ahead(ledger, oldest=oldest)
    assert migrate.schema_problem(ledger) is None
    assert "finish the upgrade, or the rollback" in (migrate.schema_state(ledger).notice or "")
    migrate.move(ledger, migrate.head())
    assert migrate.revision(ledger) == "9999"
    with pytest.raises(OtherSchema, match=f"--to {migrate.head()}"):
        migrate.move(ledger, FORMER)


def test_an_upgrade_notes_the_oldest_release_that_works_with_the_schema(ledger: Database) -> None:
    assert oldest_of(ledger) == REVISION
    migrate.move(ledger, FORMER)
    migrate.move(ledger, migrate.head())
    assert oldest_of(ledger) == REVISION


def oldest_of(ledger: Database) -> str:
    with ledger.read() as tx:
        return str(tx.execute(text("SELECT oldest_revision FROM identity")).scalar())


def move_ahead(ledger: Database, oldest: str) -> None:
    """Let the database have a schema of a later release, with which the release of `oldest` works."""
    with ledger.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text("UPDATE identity SET oldest_revision = :oldest"), {"oldest": oldest})
