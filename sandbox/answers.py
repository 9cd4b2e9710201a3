"""What the stand-in says and how its answer leaves the socket, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

Exit = Literal["whole", "half", "close", "reset", "silence"]
"""How an answer leaves: in full · cut in its body · FIN instead · RST instead · never, until the client gives up."""

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, before anything is done to its bytes."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    """The request was not accepted.

    `outcome` is what the history calls it: `refused`, or the name of the fault that played. `body` replaces the error
    shape, for refusals that dress up as something else.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: int | None = None,
        outcome: str = "refused",
        leaves: Exit = "whole",
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.outcome = outcome
        self.leaves = leaves
        self.body = body

    def answer(self, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
        """In Chat Mitra's error shape, with the WhatsApp code beside it where there is one."""
        if self.body is not None:
            return json_answer(self.status, self.body, headers)
        return error(self.status, self.message, self.code, headers)


def broken(field: str, rule: str) -> Refused:
    """A 400 that names the field and the rule, never the value."""
    return Refused(HTTPStatus.BAD_REQUEST, f"{field}: {rule}")


def json_answer(status: int, content: Any, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, json.dumps(content).encode(), headers=headers)


def error(
    status: int, message: str, code: int | None = None, headers: tuple[tuple[str, str], ...] = (), **more: Any
) -> Answer:
    """`{"status":"error","message":…}` (Chat Mitra docs, Common Errors)."""
    content: dict[str, Any] = {"status": "error", "message": message}
    if code is not None:
        content["code"] = code
    return json_answer(status, content | more, headers)
