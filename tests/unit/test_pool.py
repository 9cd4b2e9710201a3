"""The sender threads: what waits for its time occupies none of them, and what is urgent goes first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import wait
from functools import partial
from threading import Event

import pytest

from harkara.delivery.pool import Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    single = Pool(1)
    yield single
    single.close()


def test_work_for_later_occupies_no_thread(pool: Pool) -> None:
    done: list[str] = []
    later = pool.submit(lambda: done.append("later"), priority=0, at=time.monotonic() + 0.2)
    pool.submit(lambda: done.append("now"), priority=3).result(1)
    assert done == ["now"]
    later.result(1)
    assert done == ["now", "later"]


def test_work_begins_at_its_time_and_not_before(pool: Pool) -> None:
    moments: list[float] = []
    at = time.monotonic() + 0.15
    sooner = pool.submit(lambda: moments.append(time.monotonic()), priority=1, at=at + 0.1)
    soonest = pool.submit(lambda: moments.append(time.monotonic()), priority=1, at=at)
    wait([sooner, soonest], timeout=2)
    assert at <= moments[0] < moments[1]
    assert moments[1] >= at + 0.1
    assert moments[1] < at + 1.0


def test_the_urgent_goes_first_and_equals_go_in_turn(pool: Pool) -> None:
    gate, order = Event(), list[int]()
    blocker = pool.submit(partial(wait_at, gate), priority=0)
    futures = [pool.submit(partial(order.append, n), priority=n // 10) for n in (30, 10, 31, 0, 11)]
    gate.set()
    wait([blocker, *futures], timeout=2)
    assert order == [0, 10, 11, 30, 31]


def test_an_error_stays_with_its_work(pool: Pool) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        pool.submit(fail, priority=0).result(1)
    pool.submit(lambda: None, priority=0).result(1)


def test_what_is_taken_back_in_time_never_runs(pool: Pool) -> None:
    done: list[str] = []
    future = pool.submit(lambda: done.append("taken back"), priority=0, at=time.monotonic() + 0.1)
    assert future.cancel()
    pool.submit(lambda: None, priority=1, at=time.monotonic() + 0.15).result(1)
    assert done == []


def test_who_waits_for_room_is_let_in_when_there_is_some(pool: Pool) -> None:
    gate = Event()
    assert pool.wait_for_room(0)
    blockers = [pool.submit(partial(wait_at, gate), priority=0) for _ in range(3)]
    began = time.monotonic()
    assert not pool.wait_for_room(0.1)
    assert 0.1 <= time.monotonic() - began < 1
    gate.set()
    assert pool.wait_for_room(1)
    wait(blockers, timeout=1)


def test_closing_runs_what_was_submitted_also_what_waits_for_its_time() -> None:
    pool = Pool(2)
    done: list[int] = []
    for n in range(4):
        pool.submit(partial(done.append, n), priority=0, at=time.monotonic() + 0.05 * n)
    pool.close()
    assert sorted(done) == [0, 1, 2, 3]


def wait_at(gate: Event) -> None:
    assert gate.wait(5)
