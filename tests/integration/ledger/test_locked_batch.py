"""A statement changes no more rows than its batch has, however PostgreSQL plans it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from harkara.ledger.database import Database
from harkara.ledger.locked_batch import lock_batch
from harkara.ledger.tables import message
from harness.ledger import copied_ledger, reopened
from harness.postgres import PostgresServer
from tests.integration.ledger.outbox import claim_callbacks
from tests.integration.ledger.steps import accept_messages, reply, send_message

ALWAYS_NESTED = ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize")
"""What the planner must not use, so that it compares each row of a table with a subquery, as it may by itself."""


@pytest.fixture
def db(postgres_server: PostgresServer) -> Iterator[Database]:
    url = copied_ledger(postgres_server)
    with postgres_server.connect() as connection:
        for name in ALWAYS_NESTED:
            connection.execute(f"ALTER DATABASE {url.rpartition('/')[2]} SET enable_{name} = off")
    with reopened(url, callbacks_enabled=True) as database:
        yield database


def test_a_worker_claims_no_more_callbacks_than_it_asked_for(db: Database) -> None:
    for n in range(10):
        send_message(db, reply(n))
    assert [len(claim_callbacks(db, 6)) for _ in range(3)] == [6, 4, 0]


def test_a_batch_has_no_more_rows_than_its_limit(db: Database) -> None:
    accept_messages(db, *(reply(n) for n in range(10)))
    batch = lock_batch(select(message.c.id).where(message.c.code.is_(None)).limit(3))
    with db.write() as tx:
        assert tx.execute(update(message).where(message.c.id.in_(batch)).values(code="seen")).rowcount == 3
