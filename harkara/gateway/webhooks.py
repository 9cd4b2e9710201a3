"""Routes for Chat Mitra's webhooks: each body is stored byte for byte before the response."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from harkara.gateway.body import read_body
from harkara.gateway.dependencies import Dependencies, Deps
from harkara.gateway.errors import error_responses

router = APIRouter(prefix="/webhooks/chatmitra", tags=["Webhooks"])

MAX_BYTES = 1024 * 1024


class InvalidSignature(BaseModel):
    """Chat Mitra docs, the webhook sample."""

    error: Literal["Invalid signature"] = "Invalid signature"


class WebhookStored(BaseModel):
    status: Literal["success"] = "success"


_RESPONSES: dict[int | str, dict[str, Any]] = {
    401: {"model": InvalidSignature, "description": "The signature is not the lane's"},
    **error_responses(400, 404, 413, 503),
}
_EVENT = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


async def _body(request: Request) -> bytes:
    return await read_body(request, MAX_BYTES)


Body = Annotated[bytes, Depends(_body)]
Signature = Annotated[
    str | None, Header(alias="X-Webhook-Signature", description="Hexadecimal HMAC-SHA256 of the body")
]


@router.post("", response_model=WebhookStored, responses=_RESPONSES, openapi_extra=_EVENT)
async def receive_webhook(deps: Deps, body: Body, signature: Signature = None) -> Any:
    """Receive an event of the lane `default`."""
    return await _receive(deps, "default", body, signature)


@router.post("/{lane}", response_model=WebhookStored, responses=_RESPONSES, openapi_extra=_EVENT)
async def receive_webhook_of_lane(deps: Deps, lane: str, body: Body, signature: Signature = None) -> Any:
    """Receive an event of another lane."""
    return await _receive(deps, lane, body, signature)


async def _receive(deps: Dependencies, lane: str, body: bytes, signature: str | None) -> WebhookStored | JSONResponse:
    if await deps.receive_webhook(lane, body, signature):
        return WebhookStored()
    return JSONResponse(InvalidSignature().model_dump(), 401)
