"""Beat: publishes the periodic tasks of the schedule while a worker consumes them."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import Any

import structlog
from celery.beat import PersistentScheduler, ScheduleEntry, SchedulingError

from config.settings import settings
from harkara.backends.broker import Broker
from harkara.errors import Unavailable
from harkara.outages import OutageLog
from harkara.redis_client import redis_unavailable

log = structlog.get_logger(__name__)

CLOCK_STEP = 1.0
"""Seconds by which the host's clock may be set in one tick; a larger step makes beat compute all times anew."""

HEARTBEAT = "harkara.heartbeat"

MAX_QUEUED = 10
"""Tasks in a queue at which beat publishes no more: without a worker, a day of them would fill Redis."""


class Beat(PersistentScheduler):
    """Celery's scheduler without the tasks that no worker would consume; workers run the same rounds by themselves.

    A clock that is set back would silence Celery's scheduler for as long, since it compares the time of each task's
    last run with the time of day. This one notices and begins anew.

    The heartbeat is due at once: Celery's scheduler would wait for its interval, and beat would count as missing.
    """

    _offset: float | None = None
    _outages = OutageLog()

    def setup_schedule(self) -> None:
        """Open the file of the last runs, or a new one if a full disk or a power cut has left half of it."""
        try:
            super().setup_schedule()
        except OSError:  # its folder cannot be written
            raise
        except Exception as error:  # whatever unpickling raises; Celery expects some of it
            log.warning("schedule file replaced", action="schedule_replaced", error=type(error).__name__)
            with suppress(Exception):
                self._store.close()  # type: ignore[attr-defined]  # the stubs lack what Celery calls private
            self._remove_db()  # type: ignore[attr-defined]
            super().setup_schedule()

    def tick(self, *args: Any, **options: Any) -> Any:
        offset = time.time() - time.monotonic()
        if self._offset is None:
            self._make_heartbeat_due()
        if self._offset is None or abs(offset - self._offset) > CLOCK_STEP:
            self._forget_future_runs()
        self._offset = offset
        return super().tick(*args, **options)

    def _make_heartbeat_due(self) -> None:
        for entry in self.schedule.values():
            if entry.task == HEARTBEAT:
                entry.last_run_at = self.app.now() - timedelta(days=1)

    def _forget_future_runs(self) -> None:
        now = self.app.now()
        for entry in self.schedule.values():
            if entry.last_run_at and entry.last_run_at > now:
                entry.last_run_at = now
        self._heap = None  # the next tick fills it from the entries

    def apply_async(self, entry: ScheduleEntry, producer: Any = None, advance: bool = True, **options: Any) -> Any:
        if not self._is_consumed(entry):
            return self.reserve(entry) if advance else None
        try:
            return super().apply_async(entry, producer, advance, **options)
        except SchedulingError as error:
            # Celery would log it with its traceback, every second while Redis refuses writes.
            cause = error.__context__ or error
            self._outages.failed(str(entry.task), redis_unavailable(cause, "take a task of beat"))
            return None

    @cached_property
    def _broker(self) -> Broker:
        return Broker.at(settings().broker_url)

    def _is_consumed(self, entry: ScheduleEntry) -> bool:
        queue = self.app.conf.task_routes[entry.task]["queue"]
        try:
            depth = self._broker.queue_depths()[queue]
        except Unavailable as error:
            self._outages.failed(str(entry.task), error)
            return False
        self._outages.worked()
        return depth < MAX_QUEUED
