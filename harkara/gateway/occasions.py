"""Occasions by HTTP: saved, ended, looked at; their reminders follow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from harkara.errors import HarkaraError
from harkara.gateway.dependencies import Behind, Inside
from harkara.gateway.entry import Body, Calling, Lane, read_json
from harkara.gateway.problems import problems
from harkara.gateway.shapes import Changed, CloseOccasion, SaveOccasion, Word, takes
from harkara.gateway.shapes import Occasion as Shown
from harkara.ledger.occasions.commands import look
from harkara.messages.validation import require_object
from harkara.occasions import Closing, Occasion, OccasionUpdate
from harkara.occasions.occasion import OccasionKey
from harkara.phone import normalise

routes = APIRouter(tags=["Occasions"], prefix="/occasions/{kind}/{reference}")

Kind = Annotated[Word, Path(description="Such as appointment; the file of the rules has them all")]
Reference = Annotated[Word, Path(description="Your own name for it")]

_CLOSE: dict[str, Any] = {
    "responses": problems(400, 401, 403, 404, 409, 413, 429, 503),
    "openapi_extra": takes(CloseOccasion, needed=False),
}


@routes.put("", responses=problems(400, 401, 403, 409, 413, 429, 503), openapi_extra=takes(SaveOccasion))
def save_occasion(behind: Inside, caller: Calling, lane: Lane, kind: Kind, reference: Reference, body: Body) -> Changed:
    """Says what will happen to a customer, or that it has changed: its reminders follow."""
    said = require_object(read_json(body), SaveOccasion.model_fields.keys(), "body")
    occasion = Occasion(
        kind=kind,
        reference=reference,
        lane=lane,
        producer=caller.name,
        to=normalise(said.pop("to", None) or ""),
        at=said.pop("at", None) or "",
        zone=said.pop("zone", None) or behind.plan.lane_zone(lane),
        **said,
    )
    behind.plan.validate_occasion(occasion)
    return _tell(behind, occasion)


@routes.post("/cancel", **_CLOSE)
def cancel_occasion(
    behind: Inside, _caller: Calling, lane: Lane, kind: Kind, reference: Reference, body: Body
) -> Changed:
    """It will not happen: none of its reminders goes any more."""
    return _close(behind, body, kind=kind, reference=reference, lane=lane, status="cancelled")


@routes.post("/complete", **_CLOSE)
def complete_occasion(
    behind: Inside, _caller: Calling, lane: Lane, kind: Kind, reference: Reference, body: Body
) -> Changed:
    """It was kept, paid, delivered: none of its reminders goes any more."""
    return _close(behind, body, kind=kind, reference=reference, lane=lane, status="completed")


@routes.get("", responses=problems(400, 401, 403, 404, 429, 503))
def get_occasion(behind: Inside, _caller: Calling, lane: Lane, kind: Kind, reference: Reference) -> Shown:
    """An occasion and its reminders: when each is due, where it stands, and why a rule has none."""
    return Shown.model_validate(look(behind.db, OccasionKey(reference, kind, lane), behind.plan))


def _close(behind: Behind, body: bytes, **which: Any) -> Changed:
    said = require_object(read_json(body, needed=False), CloseOccasion.model_fields.keys(), "body")
    behind.plan.rules.for_kind(which["kind"])
    return _tell(behind, Closing(**which, **said))


def _tell(behind: Behind, step: OccasionUpdate) -> Changed:
    (answer,) = behind.door.save_occasions([step], behind.plan)
    if isinstance(answer, HarkaraError):
        raise answer
    return Changed.model_validate({"kind": step.kind, "reference": step.reference, "change": answer.value})
