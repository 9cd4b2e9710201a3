"""Routes for Chat Mitra's webhooks: each body is stored byte for byte before the response."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from harkara.gateway.body import read_body
from harkara.gateway.dependencies import dependencies_of
from harkara.gateway.errors import error_responses
from harkara.gateway.plain_route import add_plain_route, header_parameter

PATH = "/webhooks/chatmitra"
MAX_BYTES = 1024 * 1024

_SIGNATURE = "X-Webhook-Signature"


class InvalidSignature(BaseModel):
    """Chat Mitra docs, the webhook sample."""

    error: Literal["Invalid signature"] = "Invalid signature"


class WebhookStored(BaseModel):
    status: Literal["success"] = "success"


_STORED, _INVALID = WebhookStored().model_dump(), InvalidSignature().model_dump()

_DESCRIPTION: dict[str, Any] = {
    "tags": ["Webhooks"],
    "response_model": WebhookStored,
    "responses": {
        401: {"model": InvalidSignature, "description": "The signature is not the lane's"},
        **error_responses(400, 404, 413, 503),
    },
}
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}
_HEADER = header_parameter(_SIGNATURE, "Hexadecimal HMAC-SHA256 of the body")
_LANE = {"name": "lane", "in": "path", "required": True, "schema": {"type": "string"}}


def add_routes(app: FastAPI) -> None:
    of_default, of_lane = ({"parameters": parameters, **_BODY} for parameters in ([_HEADER], [_LANE, _HEADER]))
    add_plain_route(app, PATH, receive_webhook, openapi_extra=of_default, **_DESCRIPTION)
    add_plain_route(app, f"{PATH}/{{lane}}", receive_webhook_of_lane, openapi_extra=of_lane, **_DESCRIPTION)


async def receive_webhook(request: Request) -> JSONResponse:
    """Receive an event of the lane `default`."""
    return await _receive(request, "default")


async def receive_webhook_of_lane(request: Request) -> JSONResponse:
    """Receive an event of another lane."""
    return await _receive(request, request.path_params["lane"])


async def _receive(request: Request, lane: str) -> JSONResponse:
    body = await read_body(request, MAX_BYTES)
    genuine = await dependencies_of(request).receive_webhook(lane, body, request.headers.get(_SIGNATURE))
    return JSONResponse(_STORED) if genuine else JSONResponse(_INVALID, 401)
