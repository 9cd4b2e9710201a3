"""Celery's pool of threads, whose consumer asks for the next task as soon as one has ended."""

from __future__ import annotations

from typing import Any

from celery.concurrency.thread import TaskPool
from kombu.asynchronous.hub import Hub


class ThreadPool(TaskPool):
    """A pool that wakes the consumer whenever a task ends.

    A consumer without prefetching asks Redis for nothing while all threads are busy, and Celery's own pool does not say
    when one is free: the consumer would look again when its timers wake it, up to a second later.
    """

    _hub: Hub | None = None

    def register_with_event_loop(self, loop: Hub) -> None:
        """Know the loop to wake, which the worker gives to its pool with each new connection."""
        self._hub = loop

    def on_apply(self, *args: Any, **options: Any) -> Any:
        result = super().on_apply(*args, **options)
        result.f.add_done_callback(self._notify)
        return result

    def _notify(self, _ended: object) -> None:
        if self._hub:
            self._hub.call_soon(_wake_up)


def _wake_up() -> None:
    """Do nothing: the loop looks whether it may ask for a task each time that it wakes."""
