"""Occasion: saved, cancelled or completed by task name."""

from __future__ import annotations

from typing import Any

from config.celery_app import app
from config.wiring import plan, reception
from harkara.errors import HarkaraError, Invalid, Unavailable
from harkara.occasions import Closing, Occasion, OccasionUpdate

_STATUS = {"cancel": "cancelled", "complete": "completed"}


@app.task(
    name="harkara.occasion",
    Request="tasks.accept:Discreet",
    autoretry_for=(Unavailable,),
    max_retries=None,
    retry_backoff=True,
    retry_backoff_max=30,
    acks_late=True,
)
def occasion(action: str, kind: str, reference: str, /, **said: Any) -> None:
    """`save`, `cancel` or `complete`, with the options of `Client.save_occasion` and its sisters.

    Tasks keep no order: whoever saves and changes by them should count a `version`. A task that fails says why.
    """
    (answer,) = reception().save_occasions([_step(action, {"kind": kind, "reference": reference} | said)])
    if isinstance(answer, HarkaraError):
        raise answer


def _step(action: str, said: dict[str, Any]) -> OccasionUpdate:
    plan().rules.for_kind(said["kind"])
    if action in _STATUS:
        return Closing(status=_STATUS[action], **said)
    if action != "save":
        raise Invalid("action", "must be save, cancel or complete")
    for name in ("to", "at"):
        if name not in said:
            raise Invalid(name, "is missing")
    if "zone" not in said:
        said["zone"] = plan().lane_zone(said.get("lane", "default"))
    step = Occasion(**said)
    plan().validate_occasion(step)
    return step
