"""Record: write an outcome that the database did not take when the worker had it."""

from __future__ import annotations

from typing import Any

from config.celery_app import app
from config.wiring.sending import group_commit
from config.wiring.shared import database
from harkara.errors import Unavailable
from harkara.ledger.messages.claim_result import ClaimResult
from harkara.ledger.messages.record_spilled import record_spilled
from tasks.confidential import ConfidentialTask


@app.task(name="harkara.record", base=ConfidentialTask)
def record(outcome: dict[str, Any]) -> None:
    result = ClaimResult.from_dict(outcome)
    try:
        record_spilled(database(), result)
    except Unavailable:
        group_commit().record(result)
