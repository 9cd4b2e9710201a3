"""Accept: messages from the intake, or from a call by task name, into the ledger."""

from __future__ import annotations

from typing import Any

from celery.worker.request import Request

from config.celery_app import app
from config.wiring.background import intake_consumer
from config.wiring.shared import reminder_plan
from harkara.errors import Unavailable
from tasks.confidential import ConfidentialTask
from tasks.task import Task


class ConfidentialRequest(Request):
    """A Celery request that hides its arguments from events, logs and Flower: they hold a number and a text."""

    argsrepr = kwargsrepr = "(hidden)"

    def info(self, safe: bool = False) -> Any:
        return {**super().info(safe), "args": [], "kwargs": {}}


@app.task(base=Task, name="harkara.accept", throws=(Unavailable,))
def accept() -> None:
    intake_consumer().drain()


@app.task(
    name="harkara.enqueue",
    base=ConfidentialTask,
    bind=True,
    autoretry_for=(Unavailable,),
    max_retries=None,
    retry_backoff=True,
    retry_backoff_max=30,
)
def enqueue(self: Task, body: dict[str, Any], /, **options: Any) -> None:
    """Accept Chat Mitra's own request body with the options of `Client.send`.

    The call is as durable as Celery's queue, not as the ledger: `harkara.Client` promises more.
    """
    # The task's id makes a repeat of the same call the same message. As for `Client.send`, None is no value.
    given = {"reference": f"task:{self.request.id}"} | {k: v for k, v in options.items() if v is not None}
    envelope = reminder_plan().catalogue.envelope(body, **given)
    envelope = envelope.with_traceparent(str(self.request.get("traceparent") or ""))  # a header of the task
    try:
        intake_consumer().accept([envelope])
    except Unavailable:
        # Celery's own retry would name a time by this host's clock, at which another host's runs it.
        intake_consumer().postpone("send", envelope)
