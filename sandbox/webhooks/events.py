"""The events, in the shapes that Chat Mitra's documentation and its users report."""

from __future__ import annotations

import json
from typing import Any

from sandbox.phones.said import Said
from sandbox.webhooks.log import Webhook

BUSINESS = "911140009000"
"""The account's own number."""

_REASONS: dict[int | None, str] = {
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement",
    131050: "User has stopped receiving marketing messages from you on WhatsApp",
}
"""WhatsApp's titles for its codes (Cloud API, error codes)."""


def about(said: Said, at: float, with_job_id: bool = False) -> Webhook:
    """The event of the state that a message has just reached, `at` in Unix seconds.

    Only the shape of `message.received` is documented; the others are reported or follow it (field reports).
    """
    match said.state:
        case "received":
            name, more = "message.received", _answered(said)
        case "failed":
            reason = _REASONS.get(said.code, "Message failed")
            name, more = "message.failed", {"error": {"code": said.code, "message": reason}}
        case "sent":
            name, more = "message.sent", {}
        case state:
            name, more = "message.status.updated", {"status": state}
    if with_job_id and said.job_id:
        more["jobId"] = said.job_id
    return Webhook(name, said.id, said.customer, stringify(_common(name, said, at) | more), made_at=at)


def stringify(content: Any) -> bytes:
    """The bytes that JavaScript's JSON.stringify makes: no spaces, nothing escaped that needs not be."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _common(name: str, said: Said, at: float) -> dict[str, Any]:
    inbound = said.by == "customer"
    ends = (said.customer, BUSINESS) if inbound else (BUSINESS, said.customer)
    return {
        "event": name,
        "message_id": said.id,
        "direction": "inbound" if inbound else "outbound",
        "from": ends[0],
        "to": ends[1],
        "timestamp": int(at),
        "message": said.content,
    }


def _answered(said: Said) -> dict[str, Any]:
    """What was tapped stands beside the message (field reports); what is answered stands where WhatsApp has it."""
    tapped = {"replyId": said.reply_id} if said.reply_id else {}
    return tapped | ({"context": {"id": said.reply_to}} if said.reply_to else {})
