"""Commits that wait for a standby of PostgreSQL: a wait that was cancelled is no commit for Harkara."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import select, text

from harkara.errors import Unavailable
from harkara.health.ledger_checks import ledger_checks
from harkara.ledger.database import Database
from harkara.ledger.messages.begin import BeginRequest
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.tables import message
from harness.postgres import PostgresServer
from harness.waiting import wait_until
from tests.integration.conftest import empty
from tests.integration.ledger.steps import accept_messages, claim_messages, reply, row

SECONDS = 20.0

WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture
def own_db(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url, connections=2)
    empty(database)
    yield database
    database.close()


@contextmanager
def settings(server: PostgresServer, **values: str) -> Iterator[None]:
    with server.connect() as admin:
        for name, value in values.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            wait_until(lambda: values.items() <= shown(server).items(), SECONDS, "the settings hold")
            yield
        finally:
            for name in values:
                admin.execute(f"ALTER SYSTEM RESET {name}")
            admin.execute("SELECT pg_reload_conf()")


def shown(server: PostgresServer) -> dict[str, str]:
    query = "SELECT name, setting FROM pg_settings WHERE name LIKE 'synchronous%'"
    with server.connect() as admin:
        return dict(admin.execute(query).fetchall())


@contextmanager
def cancelled_waits(server: PostgresServer) -> Iterator[None]:
    """Let each commit wait for a standby that does not exist, until an operator cancels it."""

    def cancel() -> None:
        with server.connect() as admin:
            wait_until(
                lambda: admin.execute(f"SELECT pg_cancel_backend(pid) {WAITING}").fetchall(), SECONDS, "a commit waits"
            )

    with settings(server, synchronous_standby_names="absent"), ThreadPoolExecutor(1) as threads:
        cancelling = threads.submit(cancel)
        yield
        cancelling.result()


def in_a_transaction(db: Database) -> None:
    with db.write() as tx:
        tx.execute(text("UPDATE message SET reason = 'written'"))


def by_itself(db: Database) -> None:
    with db.write(autocommit=True) as tx:
        tx.execute(text("UPDATE message SET reason = 'written'"))


def prepared(db: Database) -> None:
    db.execute_each("UPDATE message SET reason = each.reason FROM {each} RETURNING 1", {"reason": "text"}, ROWS)


ROWS = [{"reason": "written"}, {"reason": "written"}]


@pytest.mark.parametrize("write", [in_a_transaction, by_itself, prepared])
def test_a_commit_whose_wait_was_cancelled_is_not_confirmed(
    own_db: Database, postgres_server: PostgresServer, write: Callable[[Database], None]
) -> None:
    """PostgreSQL answers it as a success, with a warning; a failover would lose it."""
    accept_messages(own_db, reply())
    with cancelled_waits(postgres_server), pytest.raises(Unavailable, match="the wait for a standby was cancelled"):
        write(own_db)
    with own_db.read() as tx:
        assert tx.execute(select(message.c.reason)).scalar_one() == "written"
    write(own_db)


def test_no_post_follows_a_begin_that_a_failover_would_lose(own_db: Database, postgres_server: PostgresServer) -> None:
    (claimed,) = claim_messages(own_db, *accept_messages(own_db, reply()))
    commit = GroupCommit(own_db, lambda result: None)
    with cancelled_waits(postgres_server), pytest.raises(Unavailable):
        commit.begin(BeginRequest(claimed, "worker", "passed", 30))
    commit.close()
    assert row(own_db, claimed.id)["state"] == "sending"


@pytest.mark.parametrize(
    ("values", "well", "sentence"),
    [
        ({}, False, "commits wait for no standby"),
        ({"synchronous_standby_names": "*", "synchronous_commit": "remote_write"}, False, "is remote_write"),
        ({"synchronous_standby_names": "ANY 1 (*)", "synchronous_commit": "on"}, True, "commits wait for ANY 1"),
    ],
)
def test_the_doctor_says_whether_a_failover_loses_commits(
    migrated_url: str, postgres_server: PostgresServer, values: dict[str, str], well: bool, sentence: str
) -> None:
    place = f"127.0.0.1:{postgres_server.port}"
    db = Database(migrated_url.replace(place, f"{place},{place}"))
    with settings(postgres_server, **values):
        (found,) = [check for check in ledger_checks(db, {}, 900) if check.name == "standbys"]
    db.close()
    assert found.well is well
    assert sentence in found.found


def test_the_doctor_says_nothing_of_a_single_server(own_db: Database) -> None:
    assert "standbys" not in {check.name for check in ledger_checks(own_db, {}, 900)}
