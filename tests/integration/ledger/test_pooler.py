"""A pooler in transaction mode: sessions belong to no client, so the ledger leaves nothing in one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from harkara.errors import Unavailable
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import STATEMENT_MODE, LedgerError
from harkara.ledger.messages.begin import BeginRequest, begin
from harkara.ledger.messages.claim import Claimed, claim
from harkara.ledger.tables import attempt, message
from harness.ledger import migrated
from harness.pgbouncer import PgBouncerUnavailable, pgbouncer
from harness.postgres import PostgresServer
from harness.waiting import wait_until
from tests.integration.ledger.steps import accept_messages, reply

IGNORES = {"ignore_startup_parameters": "options"}


@contextmanager
def pooler(server: PostgresServer, settings: dict[str, str]) -> Iterator[str]:
    """The URL of an empty ledger behind PgBouncer. Without PgBouncer the test is skipped."""
    name = f"t{uuid4().hex}"
    server.create_database(name)
    try:
        with pgbouncer(server, name, settings) as url:
            yield url
    except PgBouncerUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(params=[IGNORES, {}], ids=["ignores settings", "refuses settings"])
def pooled(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[Database]:
    """A ledger behind a pooler in transaction mode, whose server has the time zone of India."""
    with pooler(postgres_server, request.param) as url:
        db = Database(migrated(url), lock_timeout=2, connections=8)
        yield db
        db.close()


def test_concurrent_threads_share_the_sessions_of_a_pooler(pooled: Database) -> None:
    def life(n: int) -> str:
        (identity,) = accept_messages(pooled, reply(n))
        claimed: list[Claimed] = []

        def is_claimed() -> bool:
            claimed.extend(claim(pooled, [identity], 30))
            return bool(claimed)

        wait_until(is_claimed, 60, "it is due, by the measure of this thread too")
        with pooled.write() as tx:
            assert begin(tx, [BeginRequest(claimed[0], "worker", "", 30)]).held
        return identity

    with ThreadPoolExecutor(16) as threads:
        ids = list(threads.map(life, range(150)))
    with pooled.read() as tx:
        assert set(tx.execute(select(message.c.state).where(message.c.id.in_(ids))).scalars()) == {"sending"}


def test_times_are_right_behind_a_pooler(pooled: Database) -> None:
    (identity,) = accept_messages(pooled, reply())
    (claimed,) = claim(pooled, [identity], 30)
    with pooled.write() as tx:
        begin(tx, [BeginRequest(claimed, "worker", "", 30)])
    with pooled.read() as tx:
        found = tx.execute(select(attempt.c.claimed_at, attempt.c.started_at)).one()
        now = tx.now
    assert found.claimed_at == claimed.claimed_at
    assert now - timedelta(minutes=1) < found.claimed_at <= found.started_at <= now
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_pooled_transaction_still_waits_only_so_long_for_a_lock(pooled: Database) -> None:
    (identity,) = accept_messages(pooled, reply())
    lock = select(message.c.id).where(message.c.id == identity).with_for_update()
    with pooled.write() as first:
        first.execute(lock)
        started = datetime.now(UTC)
        with pytest.raises(Unavailable), pooled.write() as second:
            second.execute(lock)
        assert datetime.now(UTC) - started < timedelta(seconds=30)


def test_a_pooler_in_statement_mode_is_refused_in_a_sentence(postgres_server: PostgresServer) -> None:
    with pooler(postgres_server, IGNORES | {"pool_mode": "statement"}) as url:
        db = Database(url)
        with pytest.raises(LedgerError, match="statement mode") as refused:
            migrate.upgrade(db)
        assert str(refused.value) == STATEMENT_MODE
        db.close()


def test_a_direct_connection_is_not_taken_for_a_pooled_one(migrated_url: str) -> None:
    db = Database(migrated_url)
    with db.write() as tx:
        assert tx.execute(text("SHOW lock_timeout")).scalar() == "5s"
        driver = tx.connection.connection.driver_connection
        assert driver is not None
        assert not driver.pooled
    db.close()
