"""The Celery app as the Procfile starts it: `celery -A workers.sender worker|beat|flower`."""

from __future__ import annotations

import sys
from typing import Any

from celery import signals

from config import logs, metrics
from config.celery_app import app
from config.wiring import sending, shared, upkeep
from harkara.delivery.maintenance import DERIVE_SECONDS
from harkara.delivery.periodic import PeriodicThread, every
from harkara.delivery.watchdog import PROBE_SECONDS
from harkara.errors import HarkaraError
from harkara.ledger.callbacks.dead_callbacks import CLEAN_UP_SECONDS
from harkara.published.store import PUBLISH_SECONDS
from harkara.webhooks.process import SILENCE_SECONDS

__all__ = ["app"]

SWITCH_SECONDS = 0.01
"""Sender threads give the interpreter up by themselves, at every byte they wait for. To be asked for it after 5 ms, as
Python does, makes all of them run for it and costs throughput; after 20 ms, who has a slot wakes up too late for it."""

_ringers: list[PeriodicThread] = []


@signals.setup_logging.connect
def _log(**_: Any) -> None:
    logs.set_up()


@signals.worker_init.connect
def _prepare(**_: Any) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        shared.check_schema()
        sending.sender()  # a setting that makes no sense is said now, not at the first message
        shared.reminder_plan()
        upkeep.callback_delivery()
        upkeep.words()
    except HarkaraError as error:  # Celery would only log it, and go on
        raise SystemExit(str(error)) from error


@signals.worker_ready.connect
def _ready(**_: Any) -> None:
    metrics.serve(upkeep.collector())
    maintenance, folding = upkeep.maintenance(), upkeep.event_processor()
    often = [
        upkeep.intake_consumer().drain,
        # Before the sweep: what has arrived is known before what may not have is sent once more.
        folding.collect,
        folding.process,
        maintenance.sweep,
        maintenance.campaigns,
        upkeep.dispatcher().dispatch,
        every(PUBLISH_SECONDS, upkeep.publish_plan),
        every(PROBE_SECONDS, upkeep.watchdog().probe),
        every(SILENCE_SECONDS, folding.check_silence),
    ]
    # It takes its time when the rules were edited, and nothing else may wait for it.
    seldom = [every(DERIVE_SECONDS, maintenance.derive), every(CLEAN_UP_SECONDS, upkeep.delete_old_callbacks)]
    # Nor may anything wait for an application that is slow to hear.
    telling = [courier.round] if (courier := upkeep.callback_delivery()) else []
    for these in (often, seldom, telling):
        _ringers.append(PeriodicThread(*these))
        _ringers[-1].start()


@signals.worker_shutdown.connect
def _stop(**_: Any) -> None:
    """Celery has waited for its tasks; what the sender threads still hold is written before the process ends."""
    if courier := upkeep.callback_delivery():
        courier.stop()
    for ringer in _ringers:
        ringer.close()
    sending.pool().close()
    sending.group_commit().close()
