"""The sender pool: work that waits for its time occupies no thread, and urgent work runs first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from threading import Event

import pytest

from harkara.delivery.pool import Pool


@pytest.fixture
def pool() -> Iterator[Pool]:
    single = Pool(1)
    yield single
    single.close()


def test_work_for_later_occupies_no_thread() -> None:
    pool = Pool(1)  # it stays open: `close` would wait for that hour
    done: SimpleQueue[str] = SimpleQueue()
    pool.submit(lambda: done.put("later"), priority=0, at=time.monotonic() + 3600)
    pool.submit(lambda: done.put("now"), priority=3)
    assert done.get(timeout=60) == "now"


def test_work_starts_at_its_time_and_not_before(pool: Pool) -> None:
    moments: SimpleQueue[float] = SimpleQueue()
    at = time.monotonic() + 0.15
    for later in (0.1, 0.0):
        pool.submit(lambda: moments.put(time.monotonic()), priority=1, at=at + later)
    first, second = moments.get(timeout=60), moments.get(timeout=60)
    assert at <= first < second
    assert second >= at + 0.1


def test_urgent_work_runs_first_and_equal_priorities_in_the_order_of_submission(pool: Pool) -> None:
    released, done = Event(), SimpleQueue[int]()
    pool.submit(partial(wait_until, released), priority=0)
    for n in (30, 10, 31, 0, 11):
        pool.submit(partial(done.put, n), priority=n // 10)
    released.set()
    assert [done.get(timeout=60) for _ in range(5)] == [0, 10, 11, 30, 31]


def test_works_are_admitted_when_a_thread_is_free_or_refused_when_the_time_is_over(pool: Pool) -> None:
    released = Event()
    for _ in range(3):
        pool.submit(partial(wait_until, released), priority=0)
    started = time.monotonic()
    assert not pool.admit(1, 0, 0.1)
    assert 0.1 <= time.monotonic() - started < 30
    released.set()
    assert pool.admit(1, 0, 60)


def test_admitted_works_count_until_they_are_submitted(pool: Pool) -> None:
    assert pool.admit(50, 1, 0)
    assert not pool.admit(1, 1, 0)
    assert not pool.admit(1, 3, 0)
    pool.end_admission(50, 1)
    assert pool.admit(1, 3, 0)


def test_the_end_of_an_admission_admits_a_caller_that_waits(pool: Pool) -> None:
    assert pool.admit(50, 1, 0)
    with ThreadPoolExecutor(2) as callers:
        waiting = [callers.submit(pool.admit, 1, priority, 60) for priority in (3, 2)]
        pool.end_admission(50, 1)
        assert waiting[1].result(60)
        pool.end_admission(1, 2)
        assert waiting[0].result(60)


def test_less_urgent_works_delay_no_admission(pool: Pool) -> None:
    released = Event()
    assert pool.admit(50, 3, 0)
    for _ in range(10):
        pool.submit(partial(wait_until, released), priority=3)
    assert not pool.admit(1, 3, 0)
    assert pool.admit(1, 1, 0)
    released.set()


def test_no_more_messages_are_under_way_than_there_are_threads(pool: Pool) -> None:
    pool.occupy()
    with ThreadPoolExecutor(1) as threads:
        second = threads.submit(pool.occupy)
        with pytest.raises(TimeoutError):
            second.result(0.1)
        pool.vacate()
        second.result(60)


def test_close_runs_all_submitted_work_also_work_for_later() -> None:
    pool = Pool(2)
    done: list[int] = []
    for n in range(4):
        pool.submit(partial(done.append, n), priority=0, at=time.monotonic() + 0.05 * n)
    pool.close()
    assert sorted(done) == [0, 1, 2, 3]


def wait_until(event: Event) -> None:
    assert event.wait(60)
