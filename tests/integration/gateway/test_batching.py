"""Messages of concurrent requests share one transaction, and each request gets its own answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, text

from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.errors import Conflict, Unavailable
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS
from harkara.ledger.tables import message
from harkara.messages import Envelope, Text
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.integration.gateway.fixtures import unreachable_database
from tests.integration.ledger.steps import reply


def batcher_of(db: Database) -> Batcher[Envelope, Receipt]:
    backend = LedgerBackend(db, None, deadlines=DEADLINES, queued_seconds=10, chunk=50)
    return Batcher(backend.enqueue, MAX_DIRECT_HINTS)


@contextmanager
def writes_blocked(db: Database) -> Iterator[None]:
    """Block every write of a message until the block ends."""
    with db.write() as tx:
        if not tx.sqlite:
            tx.execute(text("LOCK TABLE message IN EXCLUSIVE MODE"))
        yield


def submit_at_once(db: Database, *envelopes: object) -> list[Future[Receipt]]:
    """Submit the first envelope to an idle batcher, and the others while it is busy."""
    batcher = batcher_of(db)
    with ThreadPoolExecutor(len(envelopes)) as callers:
        with writes_blocked(db):
            answers = []
            for envelope in envelopes:
                answers.append(callers.submit(batcher.submit, envelope))  # type: ignore[arg-type]  # one is broken
                time.sleep(0.05)
        return answers


def test_each_waiting_request_gets_its_own_answer(db: Database) -> None:
    first, once, again, other = (reply(n, reference=f"order {n}") for n in (0, 1, 1, 2))
    answers = submit_at_once(db, first, once, again, other)
    assert [each.result().id for each in answers] == [first.id, once.id, once.id, other.id]
    assert [each.result().new for each in answers] == [True, True, False, True]


def test_a_conflict_reaches_only_the_request_that_caused_it(db: Database) -> None:
    same = reply(1, reference="b")
    other = same.model_copy(update={"id": reply().id, "messages": (Text("Something else"),)})
    first, taken, refused, last = submit_at_once(db, reply(0), same, other, reply(2))
    assert isinstance(refused.exception(), Conflict)
    assert [each.exception() for each in (first, taken, last)] == [None] * 3


def test_a_message_that_the_ledger_cannot_store_fails_alone(db: Database) -> None:
    broken = reply(1).model_copy(update={"producer": None})
    first, refused, last = submit_at_once(db, reply(0), broken, reply(2))
    assert isinstance(refused.exception(), LedgerError)
    assert [each.exception() for each in (first, last)] == [None] * 2
    with db.read() as tx:
        assert tx.execute(select(func.count()).select_from(message)).scalar_one() == 2


def test_every_request_fails_while_the_ledger_is_unreachable() -> None:
    batcher = batcher_of(unreachable_database())
    with ThreadPoolExecutor(5) as callers:
        answers = [callers.submit(batcher.submit, reply(n)) for n in range(5)]
    assert {type(each.exception()) for each in answers} == {Unavailable}


@pytest.mark.parametrize("number", [1, 120])
def test_more_messages_than_fit_into_one_transaction_are_all_stored(db: Database, number: int) -> None:
    batcher = batcher_of(db)
    with ThreadPoolExecutor(number) as callers:
        ids = {each.id for each in callers.map(batcher.submit, [reply(n) for n in range(number)])}
    assert len(ids) == number
