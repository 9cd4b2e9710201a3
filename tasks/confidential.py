"""Tasks whose arguments are private: Flower and the logs do not show them, and a failed one becomes a dead letter."""

from __future__ import annotations

from typing import Any

import structlog

from config.wiring.shared import database, reminder_plan
from harkara.intake.stored_calls import storable_call
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from tasks.task import Task

log = structlog.get_logger(__name__)


class ConfidentialTask(Task):
    """A task that no caller waits for: what it could not do is kept, so that people see it and retry it.

    Its call is the only copy of what it carries, so it is acknowledged when that is stored elsewhere.
    """

    abstract = True
    acks_late = True
    Request = "tasks.accept:ConfidentialRequest"

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Keep the call as a dead letter, after its last try and without its content in the log."""
        try:
            content = storable_call(reminder_plan().catalogue, str(self.name), args, kwargs)
            add_dead_letters(database(), [DeadLetter.of("task", task_id, str(self.name), exc, content)])
        except Exception as error:
            log.error("task lost", action="task_lost", task=self.name, id=task_id, error=type(error).__name__)
