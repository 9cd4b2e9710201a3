"""Messages of concurrent requests share one transaction, and each request gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest
from sqlalchemy import func, select

from harkara.backends.ledger import LedgerBackend
from harkara.batching import Batcher
from harkara.errors import Conflict, Invalid, Unavailable
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.messages.accept import MAX_DIRECT_HINTS
from harkara.ledger.tables import message
from harkara.messages import Envelope, Text
from harkara.receipt import Receipt
from harkara.shared_defaults import DEADLINES
from tests.integration.gateway.fixtures import unreachable_database
from tests.integration.ledger.steps import reply


@pytest.fixture
def db(either_db: Database) -> Database:
    return either_db


@dataclass
class HeldLedger:
    """A ledger that stores nothing until it is released, with the number of messages in each of its transactions."""

    db: Database
    sizes: list[int] = field(default_factory=list)
    released: Event = field(default_factory=Event)

    def enqueue(self, envelopes: Sequence[Envelope]) -> list[Receipt | Conflict | Invalid]:
        self.sizes.append(len(envelopes))
        assert self.released.wait(60)
        backend = LedgerBackend(self.db, None, deadlines=DEADLINES, queued_seconds=10, chunk=50)
        return backend.enqueue(envelopes)

    async def submit(self, *envelopes: Any) -> list[asyncio.Task[Receipt]]:
        """Submit the first envelope to an idle batcher, and the others while it is stored; return when all wait."""
        batcher = Batcher(self.enqueue, MAX_DIRECT_HINTS)
        tasks = []
        for envelope in envelopes:
            tasks.append(asyncio.create_task(batcher.submit(envelope)))
            await asyncio.sleep(0)
        return tasks

    async def answers(self, *envelopes: Any) -> list[Any]:
        """Submit the envelopes, release the ledger, and return the receipts and exceptions."""
        tasks = await self.submit(*envelopes)
        self.released.set()
        return await asyncio.gather(*tasks, return_exceptions=True)


def stored(db: Database) -> int:
    with db.read() as tx:
        number: int = tx.execute(select(func.count()).select_from(message)).scalar_one()
        return number


def test_each_waiting_request_gets_its_own_answer(db: Database) -> None:
    first, once, again, other = (reply(n, reference=f"order {n}") for n in (0, 1, 1, 2))
    answers = asyncio.run(HeldLedger(db).answers(first, once, again, other))
    assert [each.id for each in answers] == [first.id, once.id, once.id, other.id]
    assert [each.new for each in answers] == [True, True, False, True]


def test_a_conflict_reaches_only_the_request_that_caused_it(db: Database) -> None:
    same = reply(1, reference="b")
    other = same.model_copy(update={"id": reply().id, "messages": (Text("Something else"),)})
    answers = asyncio.run(HeldLedger(db).answers(reply(0), same, other, reply(2)))
    assert [type(each) for each in answers] == [Receipt, Receipt, Conflict, Receipt]


def test_a_message_that_the_ledger_cannot_store_fails_alone(db: Database) -> None:
    broken = reply(1).model_copy(update={"producer": None})
    answers = asyncio.run(HeldLedger(db).answers(reply(0), broken, reply(2), reply(3)))
    assert [type(each) for each in answers] == [Receipt, LedgerError, Receipt, Receipt]
    assert stored(db) == 3


def test_every_request_fails_while_the_ledger_is_unreachable() -> None:
    answers = asyncio.run(HeldLedger(unreachable_database()).answers(*(reply(n) for n in range(5))))
    assert [type(each) for each in answers] == [Unavailable] * 5


def test_a_request_is_stored_at_once_and_the_next_transaction_has_what_arrived_meanwhile(db: Database) -> None:
    ledger = HeldLedger(db)
    answers = asyncio.run(ledger.answers(*(reply(n) for n in range(MAX_DIRECT_HINTS + 5))))
    assert len({each.id for each in answers}) == stored(db) == MAX_DIRECT_HINTS + 5
    assert ledger.sizes == [1, MAX_DIRECT_HINTS, 4]


@pytest.mark.parametrize("cancelled", [0, 1])
def test_a_cancelled_request_takes_no_answer_from_the_others(db: Database, cancelled: int) -> None:
    async def cancel_one() -> list[Any]:
        ledger = HeldLedger(db)
        tasks = await ledger.submit(reply(0), reply(1), reply(2))
        tasks[cancelled].cancel()
        await asyncio.sleep(0)
        ledger.released.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(cancel_one())
    assert [type(each) for each in answers if not isinstance(each, asyncio.CancelledError)] == [Receipt] * 2
    assert stored(db) == 3
