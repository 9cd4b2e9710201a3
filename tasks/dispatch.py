"""Dispatch: hints what is due and has room."""

from __future__ import annotations

from config.celery_app import app
from config.wiring import rounds
from harkara.errors import Unavailable


@app.task(name="harkara.dispatch", throws=(Unavailable,))
def dispatch() -> None:
    rounds().dispatch()
