"""Record: an outcome that the database would not take when it came."""

from __future__ import annotations

from typing import Any

from config.celery_app import app
from config.wiring import commit
from harkara.ledger.messages.record import Finish


@app.task(name="harkara.record")
def record(outcome: dict[str, Any]) -> None:
    commit().finish(Finish.from_dict(outcome))
