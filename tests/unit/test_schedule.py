"""The schedule names tasks and wake-ups that exist."""

from __future__ import annotations

import inspect

import pytest

from config.periodic_work import SCHEDULE, THREADS, WAKE_UPS, worker_seconds
from harkara.backends.broker import Broker


def test_every_method_that_publishes_is_a_wake_up() -> None:
    methods = inspect.getmembers(Broker, inspect.isfunction)
    publishing = {name for name, method in methods if "self._publish(" in inspect.getsource(method)}
    # `repeat_call` repeats the call of an application, whichever task that was.
    assert publishing - {"repeat_call"} == {wake_up.method for wake_up in WAKE_UPS if wake_up.method}


def test_every_work_has_a_runner_and_every_thread_has_work() -> None:
    assert [name for name, work in SCHEDULE.items() if not work.worker and not work.beat] == []
    assert {work.worker.thread for work in SCHEDULE.values() if work.worker} == THREADS.keys()


def test_only_a_work_of_the_workers_has_an_interval_there() -> None:
    assert worker_seconds("campaigns") == 2
    with pytest.raises(KeyError):
        worker_seconds("audit")
