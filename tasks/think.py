"""Think: let the assistant answer the conversations whose turn is due."""

from __future__ import annotations

from config.celery_app import app
from config.wiring.thinking import start_turns
from harkara.errors import Unavailable
from tasks.task import Task


@app.task(base=Task, name="harkara.think", throws=(Unavailable,))
def think() -> None:
    start_turns()
