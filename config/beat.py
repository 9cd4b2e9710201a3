"""Beat: rings for the rounds, as long as somebody is there to hear it."""

from __future__ import annotations

from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry

from harkara.backends.broker import Broker
from harkara.errors import Unavailable

log = structlog.get_logger(__name__)

UNHEARD = 10
"""Rings that lie in a queue untaken before beat keeps still: a day of them would fill Redis."""


class Beat(PersistentScheduler):
    """Celery's scheduler, but for rings that nobody would hear: workers make the rounds by themselves anyway."""

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        if self._heard(entry):
            return super().apply_async(entry, producer, advance, **options)
        return self.reserve(entry) if advance else None

    def _heard(self, entry: ScheduleEntry) -> bool:
        queue = self.app.conf.task_routes[entry.task]["queue"]
        try:
            return Broker(self.app).queue_depths()[queue] < UNHEARD
        except Unavailable as error:
            log.warning("beat cannot ring", action="beat_failed", task=entry.task, error=str(error))
            return False
