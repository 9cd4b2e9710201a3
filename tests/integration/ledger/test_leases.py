"""Duties: one at a time, not too often, and nobody's death stops them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import update

from harkara.ledger.database import Database
from harkara.ledger.leases import lease, seconds_since
from harkara.ledger.tables import duty


def does(db: Database, holder: str, every: float = 0.0) -> bool:
    with lease(db, "sweep", holder, lease_seconds=10, every_seconds=every) as mine:
        return mine


def test_one_at_a_time(db: Database) -> None:
    with lease(db, "sweep", "first", lease_seconds=10, every_seconds=0) as mine:
        assert mine
        assert not does(db, "second")
        assert not does(db, "first")
    assert does(db, "second")


def test_duties_do_not_know_each_other(db: Database) -> None:
    with lease(db, "dispatch", "first", lease_seconds=10, every_seconds=0):
        assert does(db, "first")


def test_not_again_before_its_time(db: Database) -> None:
    assert does(db, "first")
    assert not does(db, "second", every=60)
    assert does(db, "second", every=0)
    time.sleep(0.06)
    assert does(db, "second", every=0.05)


def test_of_many_that_come_at_once_one_gets_it(db: Database) -> None:
    barrier = Barrier(8)

    def come(holder: int) -> bool:
        barrier.wait(10)
        return does(db, str(holder), every=60)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(come, range(8))) == 1


def test_a_dead_holder_is_relieved_when_its_lease_is_over(db: Database) -> None:
    dead = lease(db, "sweep", "dead", lease_seconds=10, every_seconds=0)
    assert dead.__enter__()
    assert not does(db, "living")
    with db.write() as tx:
        tx.execute(update(duty).values(until=tx.now - timedelta(seconds=1)))
    assert does(db, "living")


def test_who_was_relieved_takes_nothing_back(db: Database) -> None:
    with lease(db, "sweep", "slow", lease_seconds=-1, every_seconds=0):
        relief = lease(db, "sweep", "relief", lease_seconds=10, every_seconds=0)
        assert relief.__enter__()
    assert not does(db, "third"), "the relief is still at work"


def test_a_round_that_fails_frees_the_duty_too(db: Database) -> None:
    with pytest.raises(ValueError, match="broke"), lease(db, "sweep", "a", lease_seconds=10, every_seconds=0):
        raise ValueError("broke")
    assert does(db, "b")


def test_when_it_was_last_done_can_be_asked(db: Database) -> None:
    assert seconds_since(db, "sweep") is None
    does(db, "first")
    assert 0 <= (seconds_since(db, "sweep") or 0) < 5
