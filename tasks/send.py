"""Send: a chunk of ids, from hint to outcomes."""

from __future__ import annotations

from config.celery_app import app
from config.wiring import sender


@app.task(name="harkara.send")
def send(ids: list[str]) -> None:
    sender().send(ids)
