"""The watchdog: a worker whose tasks come back goes on, and one whose tasks do not is ended."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from harkara.delivery.watchdog import Watchdog
from harkara.errors import Unavailable


class OwnQueue:
    """The queue to which a worker publishes its own probes."""

    def __init__(self) -> None:
        self.unavailable = False
        self.on_task: Callable[[], None] = lambda: None

    def publish(self) -> None:
        if self.unavailable:
            raise Unavailable("Redis did not accept the task")
        self.on_task()


def test_a_worker_whose_probes_come_back_goes_on() -> None:
    queue, ended = OwnQueue(), list[str]()
    watchdog = Watchdog(queue.publish, lambda: ended.append("ended"), silence_seconds=0.05)
    for _ in range(4):
        watchdog.probe()
        watchdog.confirm()
        time.sleep(0.03)
    assert ended == []


def test_a_worker_whose_probes_do_not_come_back_is_ended() -> None:
    queue, ended = OwnQueue(), list[str]()
    watchdog = Watchdog(queue.publish, lambda: ended.append("ended"), silence_seconds=0.05)
    watchdog.probe()
    time.sleep(0.06)
    watchdog.probe()
    assert ended == ["ended"]


def test_a_worker_that_is_still_running_is_ended_again_after_the_same_time() -> None:
    queue, ended = OwnQueue(), list[str]()
    watchdog = Watchdog(queue.publish, lambda: ended.append("ended"), silence_seconds=0.2)
    watchdog.probe()
    time.sleep(0.21)
    watchdog.probe()
    watchdog.probe()
    assert ended == ["ended"]
    time.sleep(0.21)
    watchdog.probe()
    assert ended == ["ended", "ended"]


def test_silence_does_not_count_while_redis_is_unavailable() -> None:
    queue, ended = OwnQueue(), list[str]()
    watchdog = Watchdog(queue.publish, lambda: ended.append("ended"), silence_seconds=0.05)
    watchdog.probe()
    queue.unavailable = True
    with pytest.raises(Unavailable):
        watchdog.probe()
    time.sleep(0.06)
    queue.unavailable = False
    watchdog.probe()
    assert ended == []
