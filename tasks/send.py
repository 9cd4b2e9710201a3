"""Send: a hint with the ids of a chunk of messages."""

from __future__ import annotations

from config.celery_app import app
from config.wiring.sending import sender
from harkara.backends.broker import URGENT
from harkara.errors import Unavailable
from tasks.task import Task


@app.task(base=Task, name="harkara.send", bind=True, throws=(Unavailable,))
def send(self: Task, ids: list[str]) -> None:
    queue = (self.request.delivery_info or {}).get("routing_key")
    sender().send(ids, urgent=queue == URGENT)
