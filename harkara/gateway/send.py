"""The routes that send a message."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers

from harkara.errors import Conflict, Invalid
from harkara.gateway.authentication import LANE, LANE_DESCRIPTION, allowed_lanes, authenticate, bearer
from harkara.gateway.body import MAX_BYTES, body_schema, read_body, read_json
from harkara.gateway.dependencies import dependencies_of
from harkara.gateway.errors import error_responses
from harkara.gateway.header_text import decode_header
from harkara.gateway.plain_route import add_plain_route, header_parameter
from harkara.gateway.schemas.messages import Queued, SendMessage
from harkara.messages import Category, Template
from harkara.messages.validation import field_path

PATHS = ("/developer/api/send_message", "/send_message")


class _Option(NamedTuple):
    """A header that sets a field of the envelope, which validates it."""

    field: str
    header: str
    description: str


_TRACEPARENT = "traceparent"

_OPTIONS = (
    _Option("reference", "Idempotency-Key", "Your own id of the message: a repeat sends nothing twice"),
    _Option("at", "Harkara-At", "Not before: ISO 8601 with a zone"),
    _Option("expires", "Harkara-Expires", "Not after: ISO 8601 with a zone; the default depends on category"),
    _Option("priority", "Harkara-Priority", "0 (sent first) to 3; the default depends on category"),
    _Option("category", "Harkara-Category", f"One of {', '.join(get_args(Category))}"),
    _Option("fallback", "Harkara-Fallback", "A template without parameters, sent if the window is closed"),
)

_REQUEST_FIELDS = {option.field: option.header for option in _OPTIONS} | {"to": "recipient_mobile_number"}
"""The names of an envelope's fields in the request."""


_DESCRIPTION: dict[str, Any] = {
    "tags": ["Messages"],
    "status_code": 202,
    "response_model": Queued,
    "responses": error_responses(400, 401, 403, 409, 413, 429, 503),
    "openapi_extra": {
        "security": [{bearer.scheme_name: []}],
        "parameters": [
            header_parameter(LANE, LANE_DESCRIPTION),
            *(header_parameter(option.header, option.description) for option in _OPTIONS),
            header_parameter(_TRACEPARENT, "W3C Trace Context of the request, which stays with the message"),
        ],
        **body_schema(SendMessage),
    },
}


def add_routes(app: FastAPI) -> None:
    for path in PATHS:
        add_plain_route(app, path, send_message, **_DESCRIPTION)


async def send_message(request: Request) -> JSONResponse:
    """Accept a request of Chat Mitra's `send_message`. The response comes when the message is in the ledger."""
    deps = dependencies_of(request)
    caller = await authenticate(request, deps)
    lane = allowed_lanes(caller, request.headers.get(LANE))[0]
    options = _read_options(request.headers)
    body = read_json(await read_body(request, MAX_BYTES))
    try:
        envelope = deps.plan.catalogue.envelope(body, lane=lane, producer=caller.name, **options)
        envelope = envelope.with_traceparent(request.headers.get(_TRACEPARENT))
        receipt = await deps.batcher.submit(envelope)
    except Invalid as error:
        field = error.field if error.field in body else _REQUEST_FIELDS.get(error.field, error.field)
        raise Invalid(field, error.rule, error.measure) from None
    except Conflict:  # its text quotes the key
        raise Conflict("Idempotency-Key: another message in this lane has this key; use a new one") from None
    response = JSONResponse(Queued(jobId=receipt.id).model_dump(), 202)
    if deps.traceresponse and (header := deps.traceresponse(envelope)):
        response.headers["traceresponse"] = header
    return response


def _read_options(headers: Headers) -> dict[str, Any]:
    """Return the options of the envelope that the headers give. Raises Invalid."""
    options: dict[str, Any] = {
        option.field: decode_header(value) for option in _OPTIONS if (value := headers.get(option.header)) is not None
    }
    if "priority" in options:
        if options["priority"] not in ("0", "1", "2", "3"):
            raise Invalid("Harkara-Priority", "must be 0 to 3")
        options["priority"] = int(options["priority"])
    if "fallback" in options:
        with field_path("Harkara-Fallback"):
            options["fallback"] = Template(options["fallback"])
    return options
