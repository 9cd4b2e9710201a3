"""Send: a chunk of ids, from hint to outcomes."""

from __future__ import annotations

from celery import Task

from config.celery_app import app
from config.wiring import sender
from harkara.backends.broker import URGENT
from harkara.errors import Unavailable


@app.task(name="harkara.send", bind=True, throws=(Unavailable,))
def send(self: Task[..., None], ids: list[str]) -> None:
    came_by = (self.request.delivery_info or {}).get("routing_key")
    sender().send(ids, urgent=came_by == URGENT)
