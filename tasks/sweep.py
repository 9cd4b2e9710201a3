"""Sweep: repair messages that a crash, a lost hint or an expired lease left behind."""

from __future__ import annotations

from config.celery_app import app
from config.wiring.background import event_processor, maintenance
from harkara.errors import Unavailable
from tasks.task import Task


@app.task(base=Task, name="harkara.sweep", throws=(Unavailable,))
def sweep() -> None:
    # Webhooks that came while the database was away are evidence: they can save a message from a second POST.
    event_processor().collect()
    maintenance().sweep()
