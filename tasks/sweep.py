"""Sweep: puts right what was left behind."""

from __future__ import annotations

from config.celery_app import app
from config.wiring import folding, rounds
from harkara.errors import Unavailable


@app.task(name="harkara.sweep", throws=(Unavailable,))
def sweep() -> None:
    # What came while the database was away is known before what may not have arrived is sent once more.
    folding().collect()
    rounds().sweep()
