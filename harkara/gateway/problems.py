"""Every answer that is an error, in Chat Mitra's shape: a sentence with field and rule, never what was sent."""

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

AGAIN_SECONDS = 5
"""After which one may try again when a service is away."""

_STATUS: Mapping[type[Exception], int] = {Invalid: 400, NotFound: 404, Conflict: 409, Unavailable: 503}

_REASONS = {
    400: "A rule is broken: the message names the field and the rule",
    401: "No token, or not one of ours",
    403: "The token may not use this lane",
    404: "Nothing of this name in the token's lanes",
    409: "It contradicts what is known already",
    413: "The body is too large",
    429: "Too many requests with this token",
    503: "The ledger cannot be reached; the same request may be repeated",
}

_NAMES = re.compile(r"(?:[A-Za-z_$.-]|\[\d{1,3}\]){1,120}")
"""Paths of fields. A key of another kind was made up by the sender, and may be a number or a code."""

_DIGITS = re.compile(r"\d{5,}")
"""Longer than in any rule of ours."""


class Problem(BaseModel):
    """Chat Mitra docs, Errors: `{"status": "error", "message": …}`."""

    status: Literal["error"] = "error"
    message: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the API's description says of a route's errors."""
    return {status: {"model": Problem, "description": _REASONS[status]} for status in statuses}


def problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    shown = Problem(message=_DIGITS.sub("…", message))
    return JSONResponse(shown.model_dump(), status, headers)


def speak_plainly(app: FastAPI) -> None:
    """Gives every error of the app that shape."""
    app.add_exception_handler(HarkaraError, _harkara)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(ClientDisconnect, _gone)


async def _harkara(_request: Request, error: Exception) -> JSONResponse:
    status = _STATUS.get(type(error))
    if status is None:
        raise error
    if isinstance(error, Invalid):
        return problem(status, sentence(error))
    return problem(status, str(error), {"Retry-After": str(AGAIN_SECONDS)} if status == 503 else None)


def sentence(error: Invalid) -> str:
    """Field, rule and measure; a field that is none of a known form is not named."""
    field = error.field if _NAMES.fullmatch(error.field) else "a field"
    return str(Invalid(field, error.rule, error.measure))


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)
    return problem(error.status_code, str(error.detail), error.headers)


async def _validation(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    field = ""
    for step in first["loc"][1:]:
        field = join_path(field, f"[{step}]" if isinstance(step, int) else step)
    rule = cause.rule if isinstance(cause, Invalid) else str(first["msg"]).replace("Input should be", "must be")
    return problem(400, sentence(Invalid(field, rule)))


async def _gone(_request: Request, _error: Exception) -> JSONResponse:
    """Nobody hears it any more."""
    return problem(400, "the body broke off")
