"""Fold: what webhooks said reaches the messages that it is about."""

from __future__ import annotations

import structlog

from config.celery_app import app
from config.wiring import folding
from harkara.errors import Unavailable

log = structlog.get_logger(__name__)


@app.task(
    name="harkara.fold",
    autoretry_for=(Unavailable,),
    max_retries=3,  # then the rounds of the workers go on trying
    retry_backoff=True,
    retry_backoff_max=30,
)
def fold() -> None:
    try:
        folding().collect()
    except Unavailable as error:
        # What is in the ledger already need not wait for Redis.
        log.warning("the mailbox cannot be read", action="collect_failed", error=str(error))
    folding().fold()
