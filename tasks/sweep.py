"""Sweep: puts right what was left behind."""

from __future__ import annotations

from config.celery_app import app
from config.wiring import rounds
from harkara.errors import Unavailable


@app.task(name="harkara.sweep", throws=(Unavailable,))
def sweep() -> None:
    rounds().sweep()
