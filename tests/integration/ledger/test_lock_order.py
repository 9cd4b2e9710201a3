"""Every writer locks messages in the order of ids, then their attempts, then halts.

In each test one writer waits for a lock of another, which then needs more: with another order, both would deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from harkara.ledger.audit import audit
from harkara.ledger.database import Database
from harkara.ledger.events.replaced_posts import replace_posts
from harkara.ledger.halts import add_halt
from harkara.ledger.messages.begin import BeginRequest, Begun
from harkara.ledger.messages.claim import Claimed
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.group_commit import GroupCommit
from harkara.ledger.retention import erase_old
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Row, Transaction
from harkara.outcomes import Pause
from harness.waiting import wait_until
from tests.integration.ledger.steps import (
    ACCEPTED,
    DAY,
    accept_messages,
    attempts_of,
    begin_posts,
    claim_messages,
    reply,
    row,
    states_of,
    unpark,
    update_message,
)

pytestmark = pytest.mark.parametrize("db", ["postgres"], indirect=True)

PATIENCE = 60.0
"""Seconds."""

LATER = datetime(2100, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

Write = Callable[[Sequence[BeginRequest], Sequence[ClaimResult]], Begun | None]


@pytest.fixture(params=["statement", "transaction"])
def write(request: pytest.FixtureRequest, db: Database) -> Iterator[Write]:
    """Write a batch, in one statement, or in a transaction as with callbacks."""
    commit = GroupCommit(db if request.param == "statement" else request.getfixturevalue("callback_db"), print)
    yield commit._commit
    commit.close()


def test_a_batch_and_an_event_of_the_same_messages_lock_them_in_one_order(db: Database, write: Write) -> None:
    """The batch begins the first message and records an answer about the last."""
    first, last = sorted(claim_messages(db, *accept_messages(db, reply(1), reply(2))), key=lambda each: each.id)
    begin_posts(db, last)
    with ThreadPoolExecutor(1) as thread:
        with db.write() as event:
            lock(event, first.id)
            writing = thread.submit(write, [BeginRequest(first, "worker", "passed", 30)], [accepted(last)])
            wait_for_a_lock(db)
            lock(event, last.id)
            event.execute(update(attempt).where(attempt.c.message_id == last.id).values(code="webhook"))
        begun = writing.result(PATIENCE)
    assert begun
    assert begun.held == {(first.id, first.epoch)}
    assert states_of(db, [first.id, last.id]) == ["sending", "accepted"]
    assert audit(db).clean


def test_an_answer_that_waits_for_an_event_sees_that_it_replaces_the_post(db: Database, write: Write) -> None:
    claims = claim_messages(db, *accept_messages(db, reply(1), reply(2)))
    begin_posts(db, *claims)
    replaced, other = claims
    with ThreadPoolExecutor(1) as thread:
        with db.write() as event:
            lock(event, replaced.id)
            writing = thread.submit(write, [], [accepted(each) for each in claims])
            wait_for_a_lock(db)
            again = {"state": "waiting", "replaced": True, "lease_until": None}
            event.execute(update(message).where(message.c.id == replaced.id).values(**again))
            replace_posts(event, replaced.id, [])
        writing.result(PATIENCE)
    assert states_of(db, [replaced.id, other.id]) == ["waiting", "accepted"]
    assert [attempts_of(db, each.id)[0]["outcome"] for each in claims] == ["replaced", "accepted"]


def unpark_lane(db: Database) -> None:
    unpark(db, "default")


def erase(db: Database) -> None:
    erase_old(db, DAY)


@pytest.mark.parametrize(
    ("change", "values"),
    [
        (unpark_lane, {"code": "lane-parked", "due_at": LATER}),
        (erase, {"state": "accepted", "created_at": LONG_AGO, "expires_at": LONG_AGO}),
    ],
)
def test_a_change_of_many_messages_locks_them_in_the_order_of_ids_or_waits_for_none(
    db: Database, change: Callable[[Database], None], values: Row
) -> None:
    """The database finds other messages before the first one by id, which was stored last."""
    *others, first = (accept_messages(db, reply(n, id=f"job_{n:032x}"))[0] for n in range(8, 0, -1))
    for identity in (*others, first):
        update_message(db, identity, **values)
    with ThreadPoolExecutor(1) as thread:
        with db.write() as event:
            lock(event, first)
            changing = thread.submit(change, db)
            wait_until(lambda: changing.done() or is_waiting(db), PATIENCE, "it waits, or is done", interval=0.01)
            for identity in sorted(others):
                lock(event, identity)
        changing.result(PATIENCE)


def test_an_operator_who_unparks_a_lane_and_an_event_that_parks_it_lock_in_one_order(db: Database) -> None:
    """The event is about a message that waits for the lane, to be sent once more."""
    parked = Pause("lane", None, "401", "The token was refused.")
    (waiting,) = accept_messages(db, reply())
    due_at = row(db, waiting)["due_at"] + timedelta(hours=1)
    update_message(db, waiting, code="lane-parked", due_at=due_at)
    with db.write() as tx:
        add_halt(tx, "default", parked)
    with ThreadPoolExecutor(1) as thread:
        with db.write() as event:
            lock(event, waiting)
            unparking = thread.submit(unpark, db, "default")
            wait_for_a_lock(db)
            add_halt(event, "default", parked)
        assert unparking.result(PATIENCE) == 1
    assert row(db, waiting)["due_at"] < due_at


def lock(tx: Transaction, identity: str) -> None:
    """Lock a message as the processing of its event does."""
    tx.execute(select(message.c.id).where(message.c.id == identity).with_for_update())


def wait_for_a_lock(db: Database) -> None:
    wait_until(lambda: is_waiting(db), PATIENCE, "a session waits for a lock", interval=0.01)


def is_waiting(db: Database) -> bool:
    """Return whether a session of this database waits for a lock."""
    with db.read() as tx:
        waiting = "wait_event_type = 'Lock' AND datname = current_database()"
        return bool(tx.execute(text(f"SELECT 1 FROM pg_stat_activity WHERE {waiting}")).first())


def accepted(claimed: Claimed) -> ClaimResult:
    return ClaimResult.of(claimed, ACCEPTED, posted=True)
