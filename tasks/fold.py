"""Process webhook events: `harkara.fold` applies them to the messages that they are about."""

from __future__ import annotations

import structlog

from config.celery_app import app
from config.wiring.background import event_processor
from harkara.errors import Unavailable
from tasks.task import Task

log = structlog.get_logger(__name__)


@app.task(
    base=Task,
    name="harkara.fold",
    autoretry_for=(Unavailable,),
    max_retries=3,  # after that the workers' periodic rounds go on
    retry_backoff=True,
    retry_backoff_max=30,
)
def process_events() -> None:
    try:
        event_processor().collect()
    except Unavailable as error:
        # Events that are already in the ledger do not need Redis.
        log.warning("webhook stream unavailable", action="collect_failed", error=str(error))
    event_processor().process()
