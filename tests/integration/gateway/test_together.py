"""Messages that come at the same time are committed together, and each caller is told of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, text

from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.defaults import DEADLINES
from harkara.errors import Conflict, Unavailable
from harkara.ledger.database import Database, LedgerError
from harkara.ledger.messages.accept import DIRECT
from harkara.ledger.tables import message
from harkara.messages import Envelope, Text
from harkara.receipt import Receipt
from tests.integration.gateway.house import away
from tests.integration.ledger.steps import reply


def together(db: Database) -> Batcher[Envelope, Receipt]:
    door = LedgerBackend(db, None, deadlines=DEADLINES, queued_seconds=10, chunk=50)
    return Batcher(door.enqueue, DIRECT)


@contextmanager
def nobody_writes(db: Database) -> Iterator[None]:
    """Whoever wants to write a message waits until this is over."""
    with db.write() as tx:
        if not tx.sqlite:
            tx.execute(text("LOCK TABLE message IN EXCLUSIVE MODE"))
        yield


def brought_at_once(db: Database, *envelopes: object) -> list[Future[Receipt]]:
    """The first finds the door free; the others come while it is not."""
    door = together(db)
    with ThreadPoolExecutor(len(envelopes)) as callers:
        with nobody_writes(db):
            brought = []
            for envelope in envelopes:
                brought.append(callers.submit(door.submit, envelope))  # type: ignore[arg-type]  # one is broken
                time.sleep(0.05)
        return brought


def test_those_who_waited_are_answered_each_with_its_own(db: Database) -> None:
    first, once, again, other = (reply(n, reference=f"order {n}") for n in (0, 1, 1, 2))
    brought = brought_at_once(db, first, once, again, other)
    assert [each.result().id for each in brought] == [first.id, once.id, once.id, other.id]
    assert [each.result().new for each in brought] == [True, True, False, True]


def test_another_message_under_the_same_reference_is_told_alone(db: Database) -> None:
    same = reply(1, reference="b")
    other = same.model_copy(update={"id": reply().id, "messages": (Text("Something else"),)})
    first, taken, refused, last = brought_at_once(db, reply(0), same, other, reply(2))
    assert isinstance(refused.exception(), Conflict)
    assert [each.exception() for each in (first, taken, last)] == [None] * 3


def test_one_that_the_ledger_cannot_take_costs_the_others_nothing(db: Database) -> None:
    broken = reply(1).model_copy(update={"producer": None})
    first, refused, last = brought_at_once(db, reply(0), broken, reply(2))
    assert isinstance(refused.exception(), LedgerError)
    assert [each.exception() for each in (first, last)] == [None] * 2
    with db.read() as tx:
        assert tx.execute(select(func.count()).select_from(message)).scalar_one() == 2


def test_when_the_ledger_is_away_all_are_told() -> None:
    door = together(away())
    with ThreadPoolExecutor(5) as callers:
        brought = [callers.submit(door.submit, reply(n)) for n in range(5)]
    assert {type(each.exception()) for each in brought} == {Unavailable}


@pytest.mark.parametrize("number", [1, 120])
def test_more_than_fit_into_one_transaction_all_get_in(db: Database, number: int) -> None:
    door = together(db)
    with ThreadPoolExecutor(number) as callers:
        ids = {each.id for each in callers.map(door.submit, [reply(n) for n in range(number)])}
    assert len(ids) == number
