"""A worker's pulse: one that hears goes on, one that is deaf ends, and nobody is blamed while Redis is away."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harkara.delivery.watchdog import Watchdog
from harkara.errors import Unavailable


class Queue:
    """What a worker publishes to itself."""

    def __init__(self) -> None:
        self.away = False
        self.comes_back: Callable[[], None] = lambda: None

    def put(self) -> None:
        if self.away:
            raise Unavailable("Redis did not take it")
        self.comes_back()


def test_a_worker_that_hears_itself_goes_on() -> None:
    queue, ended = Queue(), list[str]()
    pulse = Watchdog(queue.put, lambda: ended.append("ended"), deaf_seconds=0.05)
    for _ in range(4):
        pulse.beat()
        pulse.felt()
        time.sleep(0.03)
    assert ended == []


def test_a_worker_that_does_not_hear_itself_ends() -> None:
    queue, ended = Queue(), list[str]()
    pulse = Watchdog(queue.put, lambda: ended.append("ended"), deaf_seconds=0.05)
    pulse.beat()
    time.sleep(0.06)
    pulse.beat()
    assert ended == ["ended"]


def test_one_that_is_still_there_is_told_once_more_and_not_at_every_beat() -> None:
    queue, ended = Queue(), list[str]()
    pulse = Watchdog(queue.put, lambda: ended.append("ended"), deaf_seconds=0.2)
    pulse.beat()
    time.sleep(0.21)
    pulse.beat()
    pulse.beat()
    assert ended == ["ended"]
    time.sleep(0.21)
    pulse.beat()
    assert ended == ["ended", "ended"]


def test_nobody_is_deaf_while_redis_is_away() -> None:
    queue, ended = Queue(), list[str]()
    pulse = Watchdog(queue.put, lambda: ended.append("ended"), deaf_seconds=0.05)
    pulse.beat()
    queue.away = True
    with pytest.raises(Unavailable):
        pulse.beat()
    time.sleep(0.06)
    queue.away = False
    pulse.beat()
    assert ended == []
