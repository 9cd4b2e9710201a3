"""Record: write an outcome that the database did not take when the worker had it."""

from __future__ import annotations

from typing import Any

from config.celery_app import app
from config.wiring.sending import group_commit
from harkara.ledger.messages.claim_result import ClaimResult
from tasks.confidential import ConfidentialTask


@app.task(name="harkara.record", base=ConfidentialTask)
def record(outcome: dict[str, Any]) -> None:
    group_commit().record(ClaimResult.from_dict(outcome))
