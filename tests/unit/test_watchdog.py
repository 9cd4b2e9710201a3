"""The watchdog: a worker whose tasks come back goes on, and one whose tasks do not is ended."""

from __future__ import annotations

import pytest

from harkara.delivery.watchdog import Watchdog
from harkara.errors import Unavailable


class Worker:
    """A worker that the watchdog ends after a minute, with its own queue and clock."""

    def __init__(self) -> None:
        self.redis_is_away = False
        self.ended = 0
        self._now = 0.0
        self.watchdog = Watchdog(self._publish, self._end, silence_seconds=60.0, clock=lambda: self._now)

    def probe(self, *, after: float = 0.0) -> None:
        self._now += after
        self.watchdog.probe()

    def _publish(self) -> None:
        if self.redis_is_away:
            raise Unavailable("Redis did not accept the task")

    def _end(self) -> None:
        self.ended += 1


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_a_worker_whose_probes_come_back_goes_on(worker: Worker) -> None:
    for _ in range(4):
        worker.probe(after=40)
        worker.watchdog.confirm()
    assert worker.ended == 0


def test_a_worker_whose_probes_do_not_come_back_is_ended(worker: Worker) -> None:
    worker.probe()
    worker.probe(after=60)
    assert worker.ended == 0
    worker.probe(after=1)
    assert worker.ended == 1


def test_a_worker_that_is_still_running_is_ended_again_after_the_same_time(worker: Worker) -> None:
    worker.probe()
    worker.probe(after=61)
    worker.probe(after=59)
    assert worker.ended == 1
    worker.probe(after=2)
    assert worker.ended == 2


def test_silence_does_not_count_while_redis_is_unavailable(worker: Worker) -> None:
    worker.probe()
    worker.redis_is_away = True
    with pytest.raises(Unavailable):
        worker.probe()
    worker.redis_is_away = False
    worker.probe(after=61)
    assert worker.ended == 0
