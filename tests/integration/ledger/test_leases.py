"""Leases: one holder at a time, not too often, and the death of a holder does not block the work."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import update

from harkara.lanes import Lane
from harkara.ledger import tables
from harkara.ledger.database import Database
from harkara.ledger.leases import TransactionLease, lease, seconds_since
from harkara.ledger.messages.dispatch import dispatch
from tests.integration.ledger.steps import accept_messages, reply, unlimited


def runs(db: Database, holder: str, every: float = 0.0) -> bool:
    with lease(db, "sweep", holder, lease_seconds=10, every_seconds=every) as mine:
        return mine


def test_a_lease_has_one_holder_at_a_time(db: Database) -> None:
    with lease(db, "sweep", "first", lease_seconds=10, every_seconds=0) as mine:
        assert mine
        assert not runs(db, "second")
        assert not runs(db, "first")
    assert runs(db, "second")


def test_leases_of_different_work_are_independent(db: Database) -> None:
    with lease(db, "dispatch", "first", lease_seconds=10, every_seconds=0):
        assert runs(db, "first")


def test_a_lease_is_not_given_again_before_the_interval_has_passed(db: Database) -> None:
    assert runs(db, "first")
    assert not runs(db, "second", every=60)
    assert runs(db, "second", every=0)
    time.sleep(0.06)
    assert runs(db, "second", every=0.05)


def test_of_many_concurrent_callers_one_gets_the_lease(db: Database) -> None:
    barrier = Barrier(8)

    def try_lease(holder: int) -> bool:
        barrier.wait(60)
        return runs(db, str(holder), every=60)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(try_lease, range(8))) == 1


def test_another_caller_gets_the_lease_of_a_dead_holder_when_it_runs_out(db: Database) -> None:
    dead = lease(db, "sweep", "dead", lease_seconds=10, every_seconds=0)
    assert dead.__enter__()
    assert not runs(db, "living")
    with db.write() as tx:
        tx.execute(update(tables.lease).values(until=tx.now - timedelta(seconds=1)))
    assert runs(db, "living")


def test_a_holder_that_lost_its_lease_does_not_end_the_next_one(db: Database) -> None:
    with lease(db, "sweep", "slow", lease_seconds=-1, every_seconds=0):
        following = lease(db, "sweep", "next", lease_seconds=10, every_seconds=0)
        assert following.__enter__()
    assert not runs(db, "third"), "the next holder is still at work"


def test_a_round_that_fails_frees_the_lease(db: Database) -> None:
    with pytest.raises(ValueError, match="broke"), lease(db, "sweep", "a", lease_seconds=10, every_seconds=0):
        raise ValueError("broke")
    assert runs(db, "b")


def test_the_time_since_the_last_round_is_known(db: Database) -> None:
    assert seconds_since(db, "sweep") is None
    runs(db, "first")
    assert 0 <= (seconds_since(db, "sweep") or 0) < 30


def test_the_lease_of_a_transaction_is_refused_without_a_wait_while_another_one_has_it(db: Database) -> None:
    """A wait for the first holder would last until the timeout of locks, which raises."""
    if db.sqlite:
        pytest.skip("SQLite has one writer")
    first, second = (TransactionLease("dispatch", holder, 0) for holder in ("first", "second"))
    assert first.add(db)
    with db.write() as holding:
        assert first.acquire(holding)
        with db.write() as tx:
            assert not second.acquire(tx)
        assert not second.add(db)
    with db.write() as tx:
        assert second.acquire(tx)


def test_a_clock_that_is_set_back_stops_no_periodic_work(db: Database) -> None:
    """Until then it was hours ahead, as that of a computer whose hardware clock shows the local time."""
    every = TransactionLease("dispatch", "worker", 60.0)
    assert runs(db, "first")
    accept_messages(db, reply(1))
    assert dispatch_under(db, every)
    for values in (("done_at",), ("until",), ("until", "done_at")):
        with db.write() as tx:
            ahead = dict.fromkeys(values, tx.now + timedelta(hours=6))
            tx.execute(update(tables.lease).values({"until": tx.now, "done_at": None} | ahead))
        assert runs(db, "second", every=60)
        accept_messages(db, reply(2))
        assert dispatch_under(db, every)
        assert not runs(db, "third", every=60)
        accept_messages(db, reply(3))
        assert not dispatch_under(db, every)


def dispatch_under(db: Database, held: TransactionLease) -> list[str]:
    lanes = {"default": Lane("default", "token", None)}
    released = dispatch(db, lanes, unlimited, depth=1000, queued_seconds=10, lease=held)
    return [identity for identity, _ in released.hints]
