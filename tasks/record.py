"""Record: write an outcome that the database did not take when the worker had it."""

from __future__ import annotations

from typing import Any

from config.celery_app import app
from config.wiring.sending import group_commit
from harkara.ledger.messages.record import Finish


@app.task(name="harkara.record")
def record(outcome: dict[str, Any]) -> None:
    group_commit().finish(Finish.from_dict(outcome))
