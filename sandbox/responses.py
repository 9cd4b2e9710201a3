"""HTTP responses of the sandbox as values, and how each one leaves the socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

ResponseMode = Literal["complete", "half", "close", "reset", "silence"]
"""How a response leaves: complete, cut in its body, FIN instead, RST instead, or never, until the client gives up."""

JSON = "application/json; charset=utf-8"

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, before any fault changes its bytes."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Headers = ()


class RequestRefused(Exception):
    """The sandbox does not accept the request.

    `outcome` is the name in the history: `refused`, or the fault that caused it. `body` replaces the error body, for
    refusals that a client may take for a success.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int | None = None,
        outcome: str = "refused",
        mode: ResponseMode = "complete",
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.outcome = outcome
        self.mode = mode
        self.body = body

    def response(self, headers: Headers = ()) -> Response:
        """Return Chat Mitra's error body, with WhatsApp's code where there is one."""
        if self.body is not None:
            return json_response(self.status, self.body, headers)
        return error_response(self.status, self.message, self.code, headers)


def invalid_field(field: str, rule: str) -> RequestRefused:
    """Return a 400 that names the field and the rule, never the value."""
    return RequestRefused(HTTPStatus.BAD_REQUEST, f"{field}: {rule}")


def json_response(status: int, content: Any, headers: Headers = ()) -> Response:
    return Response(status, json.dumps(content).encode(), headers=headers)


def error_response(
    status: int, message: str, code: int | None = None, headers: Headers = (), **fields: Any
) -> Response:
    """Return `{"status":"error","message":…}` (Chat Mitra docs, Common Errors), with more `fields` beside it."""
    content: dict[str, Any] = {"status": "error", "message": message}
    if code is not None:
        content["code"] = code
    return json_response(status, content | fields, headers)
