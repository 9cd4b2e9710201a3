"""The Celery app as the Procfile starts it: `celery -A workers.sender worker|beat|flower`."""

from __future__ import annotations

import sys
from typing import Any

from celery import signals

from config import logs, metrics, wiring
from config.celery_app import app
from harkara.delivery.rounds import DERIVE_SECONDS, PeriodicThread, every
from harkara.delivery.watchdog import BEAT_SECONDS
from harkara.errors import HarkaraError
from harkara.ledger.callbacks.dead_callbacks import TIDY_SECONDS
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
        wiring.check_schema()
        wiring.sender()  # a setting that makes no sense is said now, not at the first message
        wiring.plan()
        wiring.courier()
        wiring.words()
    except HarkaraError as error:  # Celery would only log it, and go on
        raise SystemExit(str(error)) from error


@signals.worker_ready.connect
def _ready(**_: Any) -> None:
    metrics.serve(wiring.depths())
    rounds, folding = wiring.rounds(), wiring.folding()
    often = [
        wiring.reception().drain,
        # Before the sweep: what has arrived is known before what may not have is sent once more.
        folding.collect,
        folding.fold,
        rounds.sweep,
        rounds.campaigns,
        rounds.dispatch,
        every(PUBLISH_SECONDS, wiring.lay_plan),
        every(BEAT_SECONDS, wiring.pulse().beat),
        every(SILENCE_SECONDS, folding.listen),
    ]
    # It takes its time when the rules were edited, and nothing else may wait for it.
    seldom = [every(DERIVE_SECONDS, rounds.derive), every(TIDY_SECONDS, wiring.tidy_callbacks)]
    # Nor may anything wait for an application that is slow to hear.
    telling = [courier.round] if (courier := wiring.courier()) else []
    for these in (often, seldom, telling):
        _ringers.append(PeriodicThread(*these))
        _ringers[-1].start()


@signals.worker_shutdown.connect
def _stop(**_: Any) -> None:
    """Celery has waited for its tasks; what the sender threads still hold is written before the process ends."""
    if courier := wiring.courier():
        courier.stop()
    for ringer in _ringers:
        ringer.close()
    wiring.pool().close()
    wiring.commit().close()
