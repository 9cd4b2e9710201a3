"""Dispatch: send hints for messages that are due and within the allowance."""

from __future__ import annotations

from config.celery_app import app
from config.wiring.background import dispatcher
from harkara.errors import Unavailable
from tasks.task import Task


@app.task(base=Task, name="harkara.dispatch", throws=(Unavailable,))
def dispatch() -> None:
    dispatcher().dispatch()
