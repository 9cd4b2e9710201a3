"""Reject: keep an element of a queue that is no task of this release as a dead letter."""

from __future__ import annotations

import structlog
from celery import Task

from config.celery_app import app
from config.queue_elements import REJECT
from config.wiring.shared import database, reminder_plan
from harkara.errors import Invalid, Unavailable
from harkara.intake.stored_calls import storable_element
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters

log = structlog.get_logger(__name__)


@app.task(
    name=REJECT,
    bind=True,
    Request="tasks.accept:ConfidentialRequest",
    autoretry_for=(Unavailable,),
    max_retries=None,
    retry_backoff=True,
    retry_backoff_max=30,
    acks_late=True,
)
def reject(self: Task[..., None], queue: str, element: str, problem: str) -> None:
    log.error("queue element rejected", action="element_rejected", queue=queue, why=problem)
    content = storable_element(reminder_plan().catalogue, element)
    letter = DeadLetter.of("queue", str(self.request.id), queue, Invalid("element", problem), content)
    add_dead_letters(database(), [letter])
