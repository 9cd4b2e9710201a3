"""Prepared statements on PostgreSQL have connections of their own, which outlive neither their server nor a fork."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harness.postgres import PostgresServer
from harness.waiting import wait_until

SECONDS = 10.0


@pytest.fixture
def own_db(migrated_url: str) -> Iterator[Database]:
    """A database whose prepared statements have one connection, and wait half a second for it."""
    database = Database(migrated_url, lock_timeout=0.5, statement_timeout=60, connections=1)
    yield database
    database.close()


def session(db: Database) -> int:
    """Return the process of the server that runs a prepared statement."""
    ((pid,),) = db.execute_each("SELECT pg_backend_pid() FROM {each}", {"n": "integer"}, [{"n": 1}])
    return int(pid)


def hold(db: Database, seconds: float) -> None:
    db.execute_each("SELECT 1 FROM {each}, pg_sleep(seconds)", {"seconds": "float8"}, [{"seconds": seconds}])


def test_one_statement_after_another_has_the_same_connection(own_db: Database) -> None:
    assert session(own_db) == session(own_db)


def test_a_statement_is_prepared_by_its_first_execution(own_db: Database) -> None:
    """A session that executes it a few times would plan it each time otherwise."""
    prepared = own_db.execute_each("SELECT statement FROM pg_prepared_statements, {each}", {"n": "integer"}, [{"n": 1}])
    assert [statement.split(" FROM ")[0] for (statement,) in prepared] == ["SELECT statement"]


def test_a_statement_waits_for_a_connection_and_then_gives_up(
    own_db: Database, postgres_server: PostgresServer
) -> None:
    with ThreadPoolExecutor(1) as threads, postgres_server.connect() as admin:
        holding = threads.submit(hold, own_db, 60.0)
        sleeping = "FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_until(lambda: admin.execute(f"SELECT count(*) {sleeping}").fetchone() == (1,), SECONDS, "it runs")
        with pytest.raises(Unavailable, match="all connections of this process are in use"):
            session(own_db)
        admin.execute(f"SELECT pg_cancel_backend(pid) {sleeping}")
        assert holding.exception(SECONDS)
    assert session(own_db)


def test_a_connection_that_the_server_has_ended_is_replaced(own_db: Database, postgres_server: PostgresServer) -> None:
    first = session(own_db)
    with postgres_server.connect() as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [first])
        left = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: admin.execute(left, [first]).fetchone() == (0,), SECONDS, "the session has ended")
    with suppress(Unavailable):  # a connection that was used within the last second is not tested
        session(own_db)
    assert session(own_db) != first


def test_a_forked_process_has_connections_of_its_own(own_db: Database) -> None:
    first = session(own_db)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(writing, str(session(own_db)).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(reading, 20)) != first
    assert session(own_db) == first
    os.close(reading)
    os.close(writing)
