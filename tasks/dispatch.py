"""Dispatch: hints what is due and has room."""

from __future__ import annotations

from config.celery_app import app
from config.wiring import rounds


@app.task(name="harkara.dispatch")
def dispatch() -> None:
    rounds().dispatch()
