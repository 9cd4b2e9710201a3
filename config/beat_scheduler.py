"""Beat: publishes the periodic tasks of the schedule while a worker consumes them."""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry

from harkara.backends.broker import Broker
from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

MAX_QUEUED = 10
"""Tasks in a queue at which beat publishes no more: without a worker, a day of them would fill Redis."""


class Beat(PersistentScheduler):
    """Celery's scheduler without the tasks that no worker would consume; workers run the same rounds by themselves."""

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
