"""Sweep: puts right what was left behind."""

from __future__ import annotations

from config.celery_app import app
from config.wiring import rounds


@app.task(name="harkara.sweep")
def sweep() -> None:
    rounds().sweep()
