"""The sender pool: work that waits for its time occupies no thread, and urgent work runs first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
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


def test_work_starts_at_its_time_and_not_before(pool: Pool) -> None:
    moments: list[float] = []
    at = time.monotonic() + 0.15
    second = pool.submit(lambda: moments.append(time.monotonic()), priority=1, at=at + 0.1)
    first = pool.submit(lambda: moments.append(time.monotonic()), priority=1, at=at)
    wait([second, first], timeout=2)
    assert at <= moments[0] < moments[1]
    assert moments[1] >= at + 0.1
    assert moments[1] < at + 1.0


def test_urgent_work_runs_first_and_equal_priorities_in_the_order_of_submission(pool: Pool) -> None:
    released, order = Event(), list[int]()
    blocker = pool.submit(partial(wait_until, released), priority=0)
    futures = [pool.submit(partial(order.append, n), priority=n // 10) for n in (30, 10, 31, 0, 11)]
    released.set()
    wait([blocker, *futures], timeout=2)
    assert order == [0, 10, 11, 30, 31]


def test_an_error_is_raised_by_the_future_of_its_work_alone(pool: Pool) -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        pool.submit(fail, priority=0).result(1)
    pool.submit(lambda: None, priority=0).result(1)


def test_work_that_is_cancelled_in_time_never_runs(pool: Pool) -> None:
    done: list[str] = []
    future = pool.submit(lambda: done.append("cancelled"), priority=0, at=time.monotonic() + 0.1)
    assert future.cancel()
    pool.submit(lambda: None, priority=1, at=time.monotonic() + 0.15).result(1)
    assert done == []


def test_works_are_admitted_when_a_thread_is_free_or_refused_when_the_time_is_over(pool: Pool) -> None:
    released = Event()
    blockers = [pool.submit(partial(wait_until, released), priority=0) for _ in range(3)]
    started = time.monotonic()
    assert not pool.admit(1, 0, 0.1)
    assert 0.1 <= time.monotonic() - started < 1
    released.set()
    assert pool.admit(1, 0, 1)
    wait(blockers, timeout=1)


def test_admitted_works_count_until_they_are_submitted(pool: Pool) -> None:
    assert pool.admit(50, 1, 0)
    assert not pool.admit(1, 1, 0)
    assert not pool.admit(1, 3, 0)
    pool.end_admission(50, 1)
    assert pool.admit(1, 3, 0)


def test_the_end_of_an_admission_admits_a_caller_that_waits(pool: Pool) -> None:
    assert pool.admit(50, 1, 0)
    with ThreadPoolExecutor(2) as callers:
        waiting = [callers.submit(pool.admit, 1, priority, 30) for priority in (3, 2)]
        pool.end_admission(50, 1)
        assert waiting[1].result(10)
        pool.end_admission(1, 2)
        assert waiting[0].result(10)


def test_less_urgent_works_delay_no_admission(pool: Pool) -> None:
    released = Event()
    assert pool.admit(50, 3, 0)
    blockers = [pool.submit(partial(wait_until, released), priority=3) for _ in range(10)]
    assert not pool.admit(1, 3, 0)
    assert pool.admit(1, 1, 0)
    released.set()
    wait(blockers, timeout=5)


def test_close_runs_all_submitted_work_also_work_for_later() -> None:
    pool = Pool(2)
    done: list[int] = []
    for n in range(4):
        pool.submit(partial(done.append, n), priority=0, at=time.monotonic() + 0.05 * n)
    pool.close()
    assert sorted(done) == [0, 1, 2, 3]


def wait_until(event: Event) -> None:
    assert event.wait(5)
