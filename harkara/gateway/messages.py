"""Messages by HTTP: handed over as to Chat Mitra, looked up, listed, cancelled."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import JSONResponse

from harkara.errors import Conflict, Invalid
from harkara.gateway.dependencies import Inside
from harkara.gateway.entry import Body, Calling, Lane, Lanes, read_json
from harkara.gateway.problems import problems
from harkara.gateway.shapes import Cancelled, Filters, JobId, Page, Queued, SendMessage, takes
from harkara.ledger.messages import queries
from harkara.ledger.messages.commands import cancel, find_id
from harkara.messages import Category, Template
from harkara.messages.validation import field_path
from harkara.phone import normalise
from harkara.status import MessageStatus

routes = APIRouter(tags=["Messages"])

_HEADERS = {
    "reference": "Idempotency-Key",
    "at": "Harkara-At",
    "expires": "Harkara-Expires",
    "priority": "Harkara-Priority",
    "category": "Harkara-Category",
    "fallback": "Harkara-Fallback",
    "to": "recipient_mobile_number",
}


async def _wishes(
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Your own name for the message: the same one twice is one message"),
    ] = None,
    at: Annotated[str | None, Header(alias="Harkara-At", description="Not before: ISO 8601 with a zone")] = None,
    expires: Annotated[
        str | None, Header(alias="Harkara-Expires", description="Not after: ISO 8601 with a zone; else by category")
    ] = None,
    priority: Annotated[
        str | None, Header(alias="Harkara-Priority", description="0 to 3, and 0 goes first; else by category")
    ] = None,
    category: Annotated[
        str | None, Header(alias="Harkara-Category", description=f"One of {', '.join(get_args(Category))}")
    ] = None,
    fallback: Annotated[
        str | None,
        Header(alias="Harkara-Fallback", description="Template without parameters that goes if the window is closed"),
    ] = None,
) -> dict[str, Any]:
    """What the headers say of how a message is to go; Envelope checks it."""
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


_SEND: dict[str, Any] = {
    "status_code": 202,
    "response_model": Queued,
    "responses": problems(400, 401, 403, 409, 413, 429, 503),
    "openapi_extra": takes(SendMessage),
}


@routes.post("/developer/api/send_message", **_SEND)
@routes.post("/send_message", **_SEND)
def send_message(
    behind: Inside, caller: Calling, lane: Lane, wishes: Annotated[dict[str, Any], Depends(_wishes)], body: Body
) -> JSONResponse:
    """Takes what Chat Mitra's `send_message` takes. The answer comes when the message is in the ledger."""
    said = read_json(body)
    try:
        envelope = behind.plan.catalogue.envelope(said, lane=lane, producer=caller.name, **wishes)
        queued = Queued(jobId=behind.together.submit(envelope).id)
    except Invalid as error:
        named = error.field if error.field in said else _HEADERS.get(error.field, error.field)
        raise Invalid(named, error.rule, error.measure) from None
    except Conflict:  # its own words quote the key
        raise Conflict("Idempotency-Key: it already stands for another message in this lane") from None
    return JSONResponse(queued.model_dump(), 202)  # FastAPI would check the model once more, in yet another thread


@routes.get("/messages", responses=problems(400, 401, 429, 503))
def list_messages(
    behind: Inside,
    caller: Calling,
    filters: Annotated[Filters, Query()],
    to: Annotated[
        str | None, Header(alias="Harkara-To", description="To this number: a header, since addresses are written down")
    ] = None,
) -> Page:
    """Messages of the token's lanes, newest first, that fit every filter."""
    wanted = filters.model_dump(exclude={"state"})
    recipient = None if to is None else _number(to)
    found = queries.list_messages(behind.db, lanes=caller.lanes, states=filters.state, recipient=recipient, **wanted)
    more = found[-1].id if len(found) == filters.limit else None
    return Page.model_validate({"messages": found, "before": more})


def _number(text: str) -> str:
    try:
        return str(normalise(text))
    except Invalid as error:
        raise Invalid("Harkara-To", error.rule, error.measure) from None


@routes.get("/messages/{jobId}", responses=problems(400, 401, 403, 404, 409, 429, 503))
def get_message(behind: Inside, lanes: Lanes, key: JobId) -> MessageStatus:
    """Where a message stands, why, and everything that happened to it. Its Idempotency-Key will do, too."""
    return queries.get_status(behind.db, find_id(behind.db, key, lanes=lanes))


@routes.post("/messages/{jobId}/cancel", responses=problems(400, 401, 403, 404, 409, 429, 503))
def cancel_message(behind: Inside, caller: Calling, lanes: Lanes, key: JobId) -> Cancelled:
    """Cancels a message that has not left yet; says whether it was one."""
    identity = find_id(behind.db, key, lanes=lanes)
    cancelled = bool(cancel(behind.db, [identity], by=caller.name))
    return Cancelled(id=identity, cancelled=cancelled, state=queries.get_status(behind.db, identity).state)
