"""Routes for occasions: save, cancel, complete, no-show, remind, get. Their reminders follow each change."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from harkara.errors import HarkaraError
from harkara.gateway.authentication import CurrentCaller, LaneName
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.dependencies import Dependencies, Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.fields import Word
from harkara.gateway.schemas.occasions import CloseOccasion, OccasionChange, ReminderSent, SaveOccasion
from harkara.ledger.occasions import queries
from harkara.messages.validation import require_object
from harkara.occasions import Closing, Occasion, OccasionKey, OccasionUpdate
from harkara.occasions.status import OccasionStatus
from harkara.phone import normalize

router = APIRouter(tags=["Occasions"], prefix="/occasions/{kind}/{reference:name}")

Kind = Annotated[Word, Path(description="A kind of the reminder rules, such as appointment")]
Reference = Annotated[Word, Path(description="Your own name for the occasion")]

_CLOSE: dict[str, Any] = {
    "responses": error_responses(400, 401, 403, 404, 409, 413, 429, 503),
    "openapi_extra": body_schema(CloseOccasion, required=False),
}


@router.put("", responses=error_responses(400, 401, 403, 409, 413, 429, 503), openapi_extra=body_schema(SaveOccasion))
def save_occasion(
    deps: Deps, caller: CurrentCaller, lane: LaneName, kind: Kind, reference: Reference, body: Body
) -> OccasionChange:
    """Save an occasion, new or changed, and schedule its reminders anew."""
    fields = require_object(read_json(body), SaveOccasion.model_fields.keys(), "body")
    occasion = Occasion(
        kind=kind,
        reference=reference,
        lane=lane,
        producer=caller.name,
        to=normalize(fields.pop("to", None) or ""),
        at=fields.pop("at", None) or "",
        zone=fields.pop("zone", None) or deps.plan.lane_zone(lane),
        **fields,
    )
    deps.plan.validate_occasion(occasion)
    return _apply(deps, occasion)


@router.post("/cancel", **_CLOSE)
def cancel_occasion(
    deps: Deps, _caller: CurrentCaller, lane: LaneName, kind: Kind, reference: Reference, body: Body
) -> OccasionChange:
    """Cancel an occasion, which will not happen. Its reminders are not sent."""
    return _close(deps, body, kind=kind, reference=reference, lane=lane, status="cancelled")


@router.post("/complete", **_CLOSE)
def complete_occasion(
    deps: Deps, _caller: CurrentCaller, lane: LaneName, kind: Kind, reference: Reference, body: Body
) -> OccasionChange:
    """Complete an occasion, such as a visit that was kept or an invoice that was paid. Its reminders are not sent."""
    return _close(deps, body, kind=kind, reference=reference, lane=lane, status="completed")


@router.post("/no-show", **_CLOSE)
def no_show_occasion(
    deps: Deps, _caller: CurrentCaller, lane: LaneName, kind: Kind, reference: Reference, body: Body
) -> OccasionChange:
    """Record that the customer did not come. No reminder and no request for feedback is sent."""
    return _close(deps, body, kind=kind, reference=reference, lane=lane, status="no-show")


@router.post("/remind", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def send_reminder(deps: Deps, _caller: CurrentCaller, lane: LaneName, kind: Kind, reference: Reference) -> ReminderSent:
    """Send the reminder that suits this moment now. It takes the place of the planned one, and is never sent twice."""
    message = deps.backend.remind(OccasionKey(reference, kind, lane), deps.plan)
    return ReminderSent(kind=kind, reference=reference, message=message)


@router.get("", responses=error_responses(400, 401, 403, 404, 429, 503))
def get_occasion(
    deps: Deps, _caller: CurrentCaller, lane: LaneName, kind: Kind, reference: Reference
) -> OccasionStatus:
    """Get an occasion with its reminders, and the reason of each rule that has none."""
    return queries.get_occasion(deps.db, OccasionKey(reference, kind, lane), deps.plan)


def _close(deps: Dependencies, body: bytes, **key: Any) -> OccasionChange:
    fields = require_object(read_json(body, required=False), CloseOccasion.model_fields.keys(), "body")
    closing = Closing(**key, **fields)
    deps.plan.validate_closing(closing)
    return _apply(deps, closing)


def _apply(deps: Dependencies, update: OccasionUpdate) -> OccasionChange:
    (answer,) = deps.backend.save_occasions([update], deps.plan)
    if isinstance(answer, HarkaraError):
        raise answer
    return OccasionChange.model_validate({"kind": update.kind, "reference": update.reference, "change": answer.value})
