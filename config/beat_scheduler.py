"""Beat: publishes the periodic tasks of the schedule while a worker consumes them."""

from __future__ import annotations

import time
from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry

from harkara.backends.broker import Broker
from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

CLOCK_STEP = 1.0
"""Seconds by which the host's clock may be set in one tick; a larger step makes beat compute all times anew."""

MAX_QUEUED = 10
"""Tasks in a queue at which beat publishes no more: without a worker, a day of them would fill Redis."""


class Beat(PersistentScheduler):
    """Celery's scheduler without the tasks that no worker would consume; workers run the same rounds by themselves.

    A clock that is set back would silence Celery's scheduler for as long, since it compares the time of each task's
    last run with the time of day. This one notices and begins anew.
    """

    _offset: float | None = None

    def tick(self, *args: Any, **options: Any) -> Any:
        offset = time.time() - time.monotonic()
        if self._offset is None or abs(offset - self._offset) > CLOCK_STEP:
            self._forget_future_runs()
        self._offset = offset
        return super().tick(*args, **options)

    def _forget_future_runs(self) -> None:
        now = self.app.now()
        for entry in self.schedule.values():
            if entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now
        self._heap = None  # the next tick fills it from the entries

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        if self._is_consumed(entry):
            return super().apply_async(entry, producer, advance, **options)
        return self.reserve(entry) if advance else None

    def _is_consumed(self, entry: ScheduleEntry) -> bool:
        queue = self.app.conf.task_routes[entry.task]["queue"]
        try:
            return Broker(self.app).queue_depths()[queue] < MAX_QUEUED
        except Unavailable as error:
            log.warning("periodic task skipped", action="beat_failed", task=entry.task, error=str(error))
            return False
