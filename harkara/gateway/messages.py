"""Routes for messages: send, list, get, cancel."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse

from harkara.errors import Conflict, Invalid
from harkara.gateway.authentication import CurrentCaller, LaneName, Lanes
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.fields import JobId
from harkara.gateway.schemas.messages import (
    CancelResult,
    MessageFilters,
    MessagePage,
    Queued,
    SendMessage,
)
from harkara.ledger.contacts.queries import all_names
from harkara.ledger.messages import queries
from harkara.ledger.messages.commands import cancel
from harkara.message_status import MessageStatus
from harkara.messages import Category, Template
from harkara.messages.validation import field_path

router = APIRouter(tags=["Messages"])

_REQUEST_FIELDS = {
    "reference": "Idempotency-Key",
    "at": "Harkara-At",
    "expires": "Harkara-Expires",
    "priority": "Harkara-Priority",
    "category": "Harkara-Category",
    "fallback": "Harkara-Fallback",
    "to": "recipient_mobile_number",
}
"""The names of an envelope's fields in the request."""


async def _send_options(
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Your own id of the message: a repeat sends nothing twice"),
    ] = None,
    at: Annotated[str | None, Header(alias="Harkara-At", description="Not before: ISO 8601 with a zone")] = None,
    expires: Annotated[
        str | None,
        Header(alias="Harkara-Expires", description="Not after: ISO 8601 with a zone; the default depends on category"),
    ] = None,
    priority: Annotated[
        str | None,
        Header(alias="Harkara-Priority", description="0 (sent first) to 3; the default depends on category"),
    ] = None,
    category: Annotated[
        str | None, Header(alias="Harkara-Category", description=f"One of {', '.join(get_args(Category))}")
    ] = None,
    fallback: Annotated[
        str | None,
        Header(alias="Harkara-Fallback", description="A template without parameters, sent if the window is closed"),
    ] = None,
) -> dict[str, Any]:
    """Return the headers as options of an Envelope, which validates them."""
    if priority is not None and priority not in ("0", "1", "2", "3"):
        raise Invalid("Harkara-Priority", "must be 0 to 3")
    given: dict[str, Any] = {
        "reference": key,
        "at": at,
        "expires": expires,
        "priority": None if priority is None else int(priority),
        "category": category,
    }
    if fallback is not None:
        with field_path("Harkara-Fallback"):
            given["fallback"] = Template(fallback)
    return {name: value for name, value in given.items() if value is not None}


SendOptions = Annotated[dict[str, Any], Depends(_send_options)]

_SEND: dict[str, Any] = {
    "status_code": 202,
    "response_model": Queued,
    "responses": error_responses(400, 401, 403, 409, 413, 429, 503),
    "openapi_extra": body_schema(SendMessage),
}


@router.post("/developer/api/send_message", **_SEND)
@router.post("/send_message", **_SEND)
def send_message(deps: Deps, caller: CurrentCaller, lane: LaneName, options: SendOptions, body: Body) -> JSONResponse:
    """Accept a request of Chat Mitra's `send_message`. The response comes when the message is in the ledger."""
    request = read_json(body)
    try:
        envelope = deps.plan.catalogue.envelope(request, lane=lane, producer=caller.name, **options)
        queued = Queued(jobId=deps.batcher.submit(envelope).id)
    except Invalid as error:
        field = error.field if error.field in request else _REQUEST_FIELDS.get(error.field, error.field)
        raise Invalid(field, error.rule, error.measure) from None
    except Conflict:  # its text quotes the key
        raise Conflict("Idempotency-Key: another message in this lane has this key; use a new one") from None
    return JSONResponse(queued.model_dump(), 202)  # a model would be validated again, in another thread


@router.get("/messages", responses=error_responses(400, 401, 429, 503))
def list_messages(
    deps: Deps,
    caller: CurrentCaller,
    filters: Annotated[MessageFilters, Query()],
    to: Annotated[
        str | None,
        Header(alias="Harkara-To", description="To this number; a header, because proxies write addresses to logs"),
    ] = None,
) -> MessagePage:
    """List the messages of the token's lanes that match every filter, newest first."""
    wanted = filters.model_dump(exclude={"state"})
    recipients = None if to is None else _names(deps, to, caller.lanes)
    found = queries.list_messages(deps.db, lanes=caller.lanes, states=filters.state, recipients=recipients, **wanted)
    before = found[-1].id if len(found) == filters.limit else None
    return MessagePage.model_validate({"messages": found, "before": before})


def _names(deps: Deps, text: str, lanes: Collection[str] | None) -> set[str]:
    try:
        return all_names(deps.db, text, lanes)
    except Invalid as error:
        raise Invalid("Harkara-To", error.rule, error.measure) from None


@router.get("/messages/{jobId}", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def get_message(deps: Deps, lanes: Lanes, key: JobId) -> MessageStatus:
    """Get a message with its state, its attempts and its trace, by its jobId or its Idempotency-Key."""
    return queries.get_status(deps.db, queries.find_id(deps.db, key, lanes=lanes))


@router.post("/messages/{jobId}/cancel", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def cancel_message(deps: Deps, caller: CurrentCaller, lanes: Lanes, key: JobId) -> CancelResult:
    """Cancel a message that is not sent yet. The response says whether that was in time."""
    identity = queries.find_id(deps.db, key, lanes=lanes)
    cancelled = bool(cancel(deps.db, [identity], by=caller.name))
    return CancelResult(id=identity, cancelled=cancelled, state=queries.get_status(deps.db, identity).state)
