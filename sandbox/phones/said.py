"""One message on a customer's phone, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Literal

Writer = Literal["api", "staff", "customer"]
State = Literal["accepted", "sent", "delivered", "read", "failed", "received"]


@dataclass(slots=True)
class Said:
    """`content` is what events show as `message`; `reply_id` what was tapped, `reply_to` the message it answers.

    `code` says why it fails, or is going to.
    """

    customer: str
    content: dict[str, Any]
    by: Writer
    at: float
    job_id: str | None = None
    reply_id: str | None = None
    reply_to: str | None = None
    code: int | None = None
    state: State = "accepted"
    id: str = field(default_factory=lambda: f"wamid.{token_hex(14).upper()}")

    def shown(self) -> dict[str, Any]:
        return {"message_id": self.id, "state": self.state, "code": self.code if self.state == "failed" else None}


def contents(raw: bytes) -> Iterator[tuple[dict[str, Any], bool]]:
    """Each message of an accepted body as events show it, and whether only an open window lets it through.

    A text is a plain string in events (field reports). The rest is shown as it was sent, which nobody has seen yet.
    """
    body = json.loads(raw, parse_float=_as_javascript_writes_it)
    if "message" in body:
        yield text(body["message"]), True
    for message in body.get("messages", ()):
        if message["kind"] == "template":
            yield {"type": "template", "template": message["template"]}, False
        else:
            payload = message["payload"]
            kind = payload["type"]
            yield text(payload["text"]["body"]) if kind == "text" else {"type": kind, kind: payload[kind]}, True


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _as_javascript_writes_it(number: str) -> float | int:
    """18.0 is 18 there."""
    value = float(number)
    return int(value) if value.is_integer() else value
