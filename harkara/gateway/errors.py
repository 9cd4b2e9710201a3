"""Error responses in Chat Mitra's shape: a sentence with the field and the rule, without a value of the request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect

from harkara.errors import Conflict, HarkaraError, Invalid, NotFound, Unavailable
from harkara.messages.validation import join_path

RETRY_AFTER_SECONDS = 5
"""The Retry-After of a 503."""

_STATUS: Mapping[type[Exception], int] = {Invalid: 400, NotFound: 404, Conflict: 409, Unavailable: 503}

_DESCRIPTIONS = {
    400: "The request breaks a rule: the message names the field and the rule",
    401: "The request has no token, or an unknown one",
    403: "The token may not use this lane",
    404: "The token's lanes have no resource of this name",
    409: "The request contradicts what is stored",
    413: "The body is too large: the message says how large it may be, and what to do",
    429: "Too many requests with this token",
    503: "The ledger cannot be reached; the same request may be repeated",
}

_SENTENCES = {
    "Not Found": "no route has this path: a message goes to POST /developer/api/send_message",
    "Method Not Allowed": "this path has no such method: the header Allow names those that it has",
}
"""What the router says, as sentences with the next step."""

_FIELD = re.compile(r"(?:[A-Za-z_$.-]|\[\d{1,3}\]){1,120}")
"""The path of a field. The sender made up any other key: it may be a phone number or a code."""

_LONG_NUMBER = re.compile(r"\d{5,}")
"""Has more digits than a number in any rule of Harkara."""


class Problem(BaseModel):
    """Chat Mitra docs, Errors: `{"status": "error", "message": …}`."""

    status: Literal["error"] = "error"
    message: str


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the errors of a route."""
    return {status: {"model": Problem, "description": _DESCRIPTIONS[status]} for status in statuses}


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    problem = Problem(message=_LONG_NUMBER.sub("…", message))
    return JSONResponse(problem.model_dump(), status, headers)


def add_error_handlers(app: FastAPI) -> None:
    """Answer every error of the app with a `Problem`."""
    app.add_exception_handler(HarkaraError, _handle_harkara_error)
    app.add_exception_handler(StarletteHTTPException, _handle_http_exception)
    app.add_exception_handler(RequestValidationError, _handle_validation_error)
    app.add_exception_handler(ClientDisconnect, _handle_disconnect)


async def _handle_harkara_error(_request: Request, error: Exception) -> JSONResponse:
    status = _STATUS.get(type(error))
    if status is None:
        raise error
    if isinstance(error, Invalid):
        return error_response(status, _message_of(error))
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else None
    return error_response(status, str(error), headers)


async def _handle_http_exception(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    detail = str(error.detail)
    return error_response(error.status_code, _SENTENCES.get(detail, detail), error.headers)


async def _handle_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    field = ""
    for step in first["loc"][1:]:
        field = join_path(field, f"[{step}]" if isinstance(step, int) else step)
    rule = cause.rule if isinstance(cause, Invalid) else str(first["msg"]).replace("Input should be", "must be")
    return error_response(400, _message_of(Invalid(field, rule)))


async def _handle_disconnect(_request: Request, _error: Exception) -> JSONResponse:
    """The client disconnected and gets no response. The request is still counted and logged as a 400."""
    return error_response(400, "the body ended early")


def _message_of(error: Invalid) -> str:
    """Return field, rule and measure, without the field if the sender made it up."""
    field = error.field if _FIELD.fullmatch(error.field) else "a field"
    return str(Invalid(field, error.rule, error.measure))
