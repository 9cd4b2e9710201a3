"""One message on a customer's phone, from the API, the staff or the customer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, Literal

Author = Literal["api", "staff", "customer"]
State = Literal["accepted", "sent", "delivered", "read", "failed", "received"]


@dataclass(slots=True)
class PhoneMessage:
    """A message with its state.

    `content` is the `message` of its events. `reply_id` is the id of a tapped button, `reply_to` the message that it
    replies to. `code` is the reason why it fails or will fail.
    """

    customer: str
    content: dict[str, Any]
    author: Author
    at: float
    job_id: str | None = None
    reply_id: str | None = None
    reply_to: str | None = None
    code: int | None = None
    state: State = "accepted"
    id: str = field(default_factory=lambda: f"wamid.{token_hex(14).upper()}")

    def to_dict(self) -> dict[str, Any]:
        return {"message_id": self.id, "state": self.state, "code": self.code if self.state == "failed" else None}


def message_contents(raw: bytes) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield each message of an accepted body as events contain it, and whether it needs an open 24-hour window.

    A text is a plain string in events (field reports). Other types appear as they were sent, which is an assumption.
    """
    body = json.loads(raw, parse_float=_javascript_number)
    if "message" in body:
        yield text_content(body["message"]), True
    for message in body.get("messages", ()):
        if message["kind"] == "template":
            yield {"type": "template", "template": message["template"]}, False
        else:
            payload = message["payload"]
            kind = payload["type"]
            yield text_content(payload["text"]["body"]) if kind == "text" else {"type": kind, kind: payload[kind]}, True


def text_content(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _javascript_number(number: str) -> float | int:
    """Parse 18.0 as 18, as JavaScript prints it."""
    value = float(number)
    return int(value) if value.is_integer() else value
