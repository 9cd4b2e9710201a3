"""Webhook events in the shapes that Chat Mitra's documentation and its users report."""

from __future__ import annotations

import json
from typing import Any

from sandbox.phones.message import PhoneMessage
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


def build_webhook(message: PhoneMessage, at: float, with_job_id: bool = False) -> Webhook:
    """Return the event for the state that a message has just reached; `at` is in Unix seconds.

    Only the shape of `message.received` is documented; the others are reported or follow it (field reports).
    """
    match message.state:
        case "received":
            name, more = "message.received", _reply_fields(message)
        case "failed":
            reason = _REASONS.get(message.code, "Message failed")
            name, more = "message.failed", {"error": {"code": message.code, "message": reason}}
        case "sent":
            name, more = "message.sent", {}
        case state:
            name, more = "message.status.updated", {"status": state}
    if with_job_id and message.job_id:
        more["jobId"] = message.job_id
    return Webhook(name, message.id, message.customer, stringify(_common(name, message, at) | more), made_at=at)


def build_preference(customer: str, value: str, at: float) -> Webhook:
    """Return the event for a choice about marketing: the fields are WhatsApp's, the envelope is an assumption."""
    detail = f"User requested to {value} marketing messages"
    choice = {"wa_id": customer, "detail": detail, "category": "marketing_messages", "value": value}
    content = {"event": "user.preferences", "user_preferences": [choice | {"timestamp": int(at)}]}
    return Webhook("user.preferences", "", customer, stringify(content), made_at=at)


def stringify(content: Any) -> bytes:
    """Return the bytes of JavaScript's JSON.stringify: no spaces, and no unnecessary escapes."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _common(name: str, message: PhoneMessage, at: float) -> dict[str, Any]:
    inbound = message.author == "customer"
    sender, recipient = (message.customer, BUSINESS) if inbound else (BUSINESS, message.customer)
    return {
        "event": name,
        "message_id": message.id,
        "direction": "inbound" if inbound else "outbound",
        "from": sender,
        "to": recipient,
        "timestamp": int(at),
        "message": message.content,
    }


def _reply_fields(message: PhoneMessage) -> dict[str, Any]:
    """A tapped reply id is beside the message (field reports); the message replied to is where WhatsApp puts it."""
    tapped = {"replyId": message.reply_id} if message.reply_id else {}
    return tapped | ({"context": {"id": message.reply_to}} if message.reply_to else {})
