"""The door for Chat Mitra's webhooks: the body goes on byte by byte, and the answer comes when it is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from harkara.gateway.dependencies import Behind, Inside
from harkara.gateway.entry import take
from harkara.gateway.problems import problems
from harkara.gateway.shapes import Kept, NotGenuine

routes = APIRouter(prefix="/webhooks/chatmitra", tags=["Webhooks"])

MOST_BYTES = 1024 * 1024

_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"model": NotGenuine, "description": "The signature is not the lane's"},
    **problems(400, 404, 413, 503),
}
_EVENT = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


async def _body(request: Request) -> bytes:
    return await take(request, MOST_BYTES)


Body = Annotated[bytes, Depends(_body)]
Signature = Annotated[
    str | None, Header(alias="X-Webhook-Signature", description="Hexadecimal HMAC-SHA256 of the body")
]


@routes.post("", response_model=Kept, responses=_ANSWERS, openapi_extra=_EVENT)
def receive_webhook(behind: Inside, body: Body, signature: Signature = None) -> Any:
    """What Chat Mitra tells of the lane `default`."""
    return _answer(behind, "default", body, signature)


@routes.post("/{lane}", response_model=Kept, responses=_ANSWERS, openapi_extra=_EVENT)
def receive_webhook_of_lane(behind: Inside, lane: str, body: Body, signature: Signature = None) -> Any:
    """What Chat Mitra tells of another lane."""
    return _answer(behind, lane, body, signature)


def _answer(behind: Behind, lane: str, body: bytes, signature: str | None) -> Kept | JSONResponse:
    if behind.hear(lane, body, signature):
        return Kept()
    return JSONResponse(NotGenuine().model_dump(), 401)
