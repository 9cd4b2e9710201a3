"""A periodic round runs at once, and again after its interval has passed since it succeeded."""

from __future__ import annotations

from threading import Event

import pytest

from harkara.delivery.periodic_thread import PeriodicThread, every
from harkara.errors import Unavailable


def test_a_round_runs_at_once_and_is_repeated_until_it_succeeds() -> None:
    runs: list[int] = []

    def publish() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise Unavailable("Redis is away")

    periodic = every(60, publish)
    with pytest.raises(Unavailable):
        periodic()
    for _ in range(3):
        periodic()
    assert len(runs) == 2
    assert getattr(periodic, "__name__", "") == "publish"
    without_interval = every(0, publish)
    without_interval()
    without_interval()
    assert len(runs) == 4


def test_a_round_that_waits_for_its_work_runs_again_at_once_while_there_is_some() -> None:
    """With a pause after each, these runs would take five minutes."""
    work = iter(range(300, -1, -1))
    done = Event()

    def listen() -> int:
        left = next(work, 0)
        if not left:
            done.set()
        return left

    thread = PeriodicThread(listen, waits=True)
    thread.start()
    assert done.wait(60)
    thread.close()
