"""The Celery app as the Procfile starts it: `celery -A workers.sender worker|beat|flower`."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from celery import signals

from config import logs, metrics
from config.celery_app import app
from config.wiring import background, sending, shared
from config.wiring.periodic_threads import periodic_threads
from harkara.delivery.periodic_thread import PeriodicThread
from harkara.errors import HarkaraError, Unavailable

__all__ = ["app"]

SWITCH_SECONDS = 0.01
"""Interval at which Python asks a thread to release the interpreter.

Sender threads release it by themselves, whenever they wait for the network. At Python's 5 ms they compete for it and
throughput falls; at 20 ms a thread wakes up too late for its slot.
"""

_threads: list[PeriodicThread] = []


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    logs.set_up()


@signals.worker_init.connect
def _build(**_: Any) -> None:
    """Build the parts that read settings and files, so that a wrong one stops the start and not the first message."""
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        shared.check_schema()
        shared.check_eviction()
        sending.sender()
        shared.reminder_plan()
        background.callback_delivery()
        background.words()
        with suppress(Unavailable):  # without Redis nothing is sent, and the periodic work compares later
            background.last_posts().compare()
    except HarkaraError as error:  # Celery would log it and start all the same
        raise SystemExit(str(error)) from error


@signals.worker_ready.connect
def _start_threads(**_: Any) -> None:
    metrics.serve(background.collector())
    _threads.extend(periodic_threads())
    for thread in _threads:
        thread.start()


@signals.worker_shutdown.connect
def _close(**_: Any) -> None:
    """Record the outcomes of the sender threads before the process ends; Celery has waited for its tasks."""
    if delivery := background.callback_delivery():
        delivery.stop()
    for thread in _threads:
        thread.close()
    sending.pool().close()
    sending.group_commit().close()
