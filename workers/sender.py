"""The Celery app as the Procfile starts it: `celery -A workers.sender worker|beat|flower`."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any

import structlog
from celery import signals

from harkara.delivery.periodic_thread import PeriodicThread, every
from harkara.errors import HarkaraError, OtherDeployment, Unavailable
from harkara.reload_requests import ReloadAnswer
from workers.exit_status import end_misconfigured, ends_if_misconfigured
from workers.garbage import collect_less_often

with ends_if_misconfigured():  # the Celery app reads settings when it is imported
    from config import logs, metrics
    from config.celery_app import IGNORED, app
    from config.error_reports import close_reports
    from config.periodic_work import Thread, worker_seconds
    from config.settings import settings
    from config.wiring import background, sending, shared
    from config.wiring.alarms import receivers
    from config.wiring.periodic_threads import periodic_threads
    from config.wiring.reload import answer_request
    from config.wiring.thinking import assistant_collector, finish_turns, thinker
    from config.wiring.tracing import close_spans, start_tracing

__all__ = ["app"]

SWITCH_SECONDS = 0.01
"""Interval at which Python asks a thread to release the interpreter.

Sender threads release it by themselves, whenever they wait for the network. At Python's 5 ms they compete for it and
throughput falls; at 20 ms a thread wakes up too late for its slot.
"""

log = structlog.get_logger(__name__)

_threads: dict[Thread, PeriodicThread] = {}


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    with ends_if_misconfigured():
        logs.set_up()


@signals.worker_init.connect
def _build(**_: Any) -> None:
    """Build the parts that read settings and files, so that a wrong one stops the start and not the first message."""
    sys.setswitchinterval(SWITCH_SECONDS)
    if IGNORED:
        log.warning("celery variables ignored", action="celery_variables", names=", ".join(IGNORED))
    with ends_if_misconfigured():  # Celery would log the error and start all the same
        shared.check_schema()
        shared.check_eviction()
        shared.check_pairing()
        shared.check_connections()
        sending.sender()
        background.callback_delivery()
        thinker()
        receivers()
        start_tracing()
        with suppress(Unavailable):  # without Redis nothing is sent, and the periodic work compares later
            background.compare_posts()


@signals.beat_init.connect
def _check_beat(**_: Any) -> None:
    """Keep beat from waking the workers of another deployment. It needs no ledger otherwise, and may have none."""
    if not settings().has_ledger:
        return
    try:
        shared.check_schema()
        shared.pairing().needs = shared.needs(threads=1)
        shared.check_pairing()
    except (SystemExit, OtherDeployment) as error:
        end_misconfigured(str(error))
    except HarkaraError as error:
        log.warning("pairing not checked", action="not_paired", error=str(error))
    else:
        watch = shared.schema_watch(_end_beat)
        PeriodicThread(_check_running_beat, _answer_reload, every(worker_seconds("schema"), watch)).start()


def _check_running_beat() -> None:
    shared.end_unless_paired(_end_beat)


def _end_beat() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _answer_reload() -> None:
    answer_request(lambda: ReloadAnswer("beat"))  # beat reads none of the files


@signals.celeryd_after_setup.connect
def _start_threads(**_: Any) -> None:
    """Start the periodic work before the consumer, which waits for Redis: a full one is emptied by this work alone."""
    metrics.serve(background.collector(), background.goal_collector(), assistant_collector())
    with suppress(Unavailable):  # the lease begins a second later, and attempts have none until then
        sending.worker_lease().renew()
    _threads.update(periodic_threads())
    collect_less_often()  # all is imported, and no other thread of ours runs yet
    for thread in _threads.values():
        thread.start()


@signals.worker_shutting_down.connect
def _begin_to_stop(**_: Any) -> None:
    """Let the work that takes minutes end: Celery waits for its tasks, and this process for its threads."""
    shared.stopping.set()


@signals.worker_shutdown.connect
def _close(**_: Any) -> None:
    """Record the outcomes of the sender threads before the process ends; Celery has waited for its tasks."""
    if delivery := background.callback_delivery():
        delivery.stop()
    lease = _threads.pop("lease", None)
    for thread in _threads.values():
        thread.close()
    with suppress(Unavailable):
        finish_turns()
    background.lone_sender().close()
    sending.pool().close()
    sending.group_commit().close()
    if lease:  # it lasts until the last POST has its outcome
        lease.close()
    with suppress(Unavailable):
        sending.worker_lease().end()
    shared.end_pairing()
    close_spans()
    close_reports()
