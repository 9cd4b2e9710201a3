"""Occasion: save, cancel or complete one by task name, or report a no-show."""

from __future__ import annotations

from typing import Any

from celery import Task

from config.celery_app import app
from config.wiring.background import intake_consumer
from config.wiring.shared import reminder_plan
from harkara.errors import HarkaraError, Invalid, Unavailable
from harkara.occasions import Closing, Occasion, OccasionUpdate
from tasks.confidential import ConfidentialTask

_STATUS = {"cancel": "cancelled", "complete": "completed", "no-show": "no-show"}


@app.task(
    name="harkara.occasion",
    base=ConfidentialTask,
    bind=True,
    autoretry_for=(Unavailable,),
    max_retries=None,
    retry_backoff=True,
    retry_backoff_max=30,
)
def occasion(self: Task[..., None], action: str, kind: str, reference: str, /, **options: Any) -> None:
    """Run `save`, `cancel`, `complete` or `no-show` with the options of `Client.save_occasion` and its siblings.

    Celery keeps no order between tasks: a caller that saves and changes an occasion should count its `version`.
    A task that Celery delivers twice is applied once.
    Raises HarkaraError, which fails the task and makes it a dead letter, when the ledger refuses the update.
    """
    given = {name: value for name, value in options.items() if value is not None}
    update = _update(action, {"kind": kind, "reference": reference} | given)
    # Without an id it is a plain call, which Celery delivers once.
    result = intake_consumer().save_once(update, f"task {self.request.id}" if self.request.id else None)
    if isinstance(result, HarkaraError):
        raise result


def _update(action: str, options: dict[str, Any]) -> OccasionUpdate:
    plan = reminder_plan()
    plan.rules.for_kind(options["kind"])
    if action in _STATUS:
        return Closing(status=_STATUS[action], **options)
    if action != "save":
        raise Invalid("action", "must be save, cancel, complete or no-show")
    for name in ("to", "at"):
        if name not in options:
            raise Invalid(name, "is missing")
    if "zone" not in options:
        options["zone"] = plan.lane_zone(options.get("lane", "default"))
    update = Occasion(**options)
    plan.validate_occasion(update)
    return update
