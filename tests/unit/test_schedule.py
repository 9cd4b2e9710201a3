"""The schedule names tasks and wake-ups that exist."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from celery import Celery
from celery.signals import before_task_publish

from config.periodic_work import SCHEDULE, THREADS, WAKE_UPS, WakeUp, worker_seconds
from harkara.backends.broker import Broker

ARGUMENTS: dict[str, Any] = {"publish_hints": {"ids": ["job_1"], "urgent": False}, "publish_outcome": {"outcome": {}}}
ARGUMENTS |= {"ping": {"queue": "harkara.own.test"}}


@pytest.mark.parametrize("wake_up", [each for each in WAKE_UPS if each.method], ids=lambda wake_up: wake_up.method)
def test_a_wake_up_publishes_its_task(wake_up: WakeUp) -> None:
    published: list[str] = []

    def note(sender: str, **_: Any) -> None:
        published.append(sender)

    before_task_publish.connect(note)
    try:
        broker = Broker(Celery("test", broker="memory://", set_as_current=False))
        getattr(broker, str(wake_up.method))(**ARGUMENTS.get(str(wake_up.method), {}))
    finally:
        before_task_publish.disconnect(note)
    assert published == [wake_up.task]


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
