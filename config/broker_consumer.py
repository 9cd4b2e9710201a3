"""Celery's consumer, which waits while Redis refuses its work: READONLY, MISCONF, NOPERM and the like end no worker."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any

import redis
from celery.worker import state
from celery.worker.consumer import Consumer

from config.settings import settings
from config.wiring.background import watchdog
from config.wiring.shared import outages
from harkara.errors import Unavailable
from harkara.redis_client import connect, redis_unavailable, require_writable

POLL_SECONDS = 0.5
"""Between two questions whether Redis accepts writes again."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
HEALTHY_SECONDS = 5.0
"""The pause before a new connection doubles from the first to the longest while connections last for less than this."""


class PatientConsumer(Consumer):
    """Connects when Redis accepts writes, and again after any error of Redis. A stop of the worker ends the wait."""

    _pause = FIRST_PAUSE
    _connected_at: float | None = None

    def connect(self) -> Any:
        while problem := self._problem():
            self._note(problem)
            _sleep(POLL_SECONDS)
        self._connected_at = time.monotonic()
        return super().connect()

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        self._note(redis_unavailable(exc, "let the worker consume"))
        self._sleep_longer()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        # The error itself quotes the command, with what an element contains, and Celery would log it.
        refused = redis_unavailable(exc, "let the worker consume", "the worker connects again")
        self._note(refused)
        super().on_connection_error_after_connected(refused)
        self._sleep_longer()

    @cached_property
    def _redis(self) -> redis.Redis:
        return connect(settings().broker_url, seconds=3)

    def _problem(self) -> Unavailable | None:
        try:
            require_writable(self._redis)
        except Unavailable as error:
            return error
        return None

    def _note(self, error: Unavailable) -> None:
        outages().failed("consumer", error)
        watchdog().confirm()  # it waits, and is not unresponsive

    def _sleep_longer(self) -> None:
        lasted = time.monotonic() - (self._connected_at or 0.0)
        pause = FIRST_PAUSE if lasted > HEALTHY_SECONDS else self._pause
        self._pause = min(2 * pause, LONGEST_PAUSE)
        _sleep(pause)


def _sleep(seconds: float) -> None:
    """Sleep, and raise what Celery raises to end its consumer when the worker stops meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state.maybe_shutdown()
        time.sleep(0.1)
    state.maybe_shutdown()
