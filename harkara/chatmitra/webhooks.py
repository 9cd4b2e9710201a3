"""The events that are in the bytes of a webhook; what is none of the known ones is kept whole."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from harkara.chatmitra import answers
from harkara.inbound import fingerprint, values
from harkara.inbound.events import Event, Received, Status, StatusChanged, Unknown

T = TypeVar("T")


def read(raw: bytes, received_at: datetime) -> list[Event]:
    """The events in the body of a webhook, at least one, whatever the bytes are. `received_at` is aware UTC.

    One object with an `event` is known, its fields beside it or, as two clients expect, under `data`; a list of them
    would be read too. Names and shapes are Chat Mitra's (docs, Webhooks) for `message.received`; those of the other
    events follow it, with the spellings that a client in production looks for.
    """
    try:
        said = json.loads(raw)
        return [_event(one, received_at) for one in (said if isinstance(said, list) and said else [said])]
    except (ValueError, RecursionError):
        return [Unknown(identity=values.digest(raw), about="unreadable", at=received_at, body=raw)]


def _event(said: object, received_at: datetime) -> Event:
    hook = _Hook(said, received_at)
    event: Event | None = None
    match hook.name:
        case "message.received":
            event = _received(hook)
        case "message.sent" | "message.failed" | "message.status.updated":
            event = _status_changed(hook)
    if event is not None:
        return event
    about = hook.name if _NAME.fullmatch(hook.name) and len(hook.name) <= 40 else "nameless"
    return Unknown(identity=values.digest(hook.whole), about=about, at=received_at, body=hook.whole)


_NAME = re.compile(r"[a-z]+(?:\.[a-z]+)*")

_MESSAGE_ID = ("message_id", "messageId", "wamid")
_JOB_ID = ("jobId", "job_id")
_SENDER = ("from", "sender")
_RECIPIENT = ("to", "recipient", "recipient_mobile_number", "recipient_id", "contact", "customer", "wa_id")
_ERROR = ("error", "errors", "code", "title")

# Chat Mitra docs, Webhooks: delivered and read; WhatsApp calls a voice message that was heard played.
_STATUSES: dict[str, Status] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}


class _Hook:
    """One event as it came: its fields, and those of its `message`, which may be a mere text."""

    def __init__(self, said: object, received_at: datetime) -> None:
        self.whole = values.canonical(said)
        fields: dict[str, Any] = said if isinstance(said, dict) else {}
        inner = fields.get("data")
        self.fields = fields | inner if isinstance(inner, dict) else fields
        self.name = str(self.fields.get("event", "")).lower().replace("_", ".").replace("messages.", "message.")
        self.message = _message(self.fields)
        self.message_id = self.first(values.name, *_MESSAGE_ID) or values.name(self.message.get("id"))
        self.at = values.moment(self.first(lambda value: value, "timestamp"), received_at)

    def first(self, read: Callable[[object], T | None], *names: str) -> T | None:
        """The first value under one of these names that can be read as what it should be."""
        for part in (self.fields, self.message):
            for name in names:
                if (value := read(part.get(name))) is not None:
                    return value
        return None

    def identity(self, what: str) -> str:
        """Retries of a webhook bring nothing of their own to know them by (docs, Webhooks), but a message has each
        status once."""
        return values.digest(what, self.message_id) if self.message_id else values.digest(self.whole)


def _message(fields: Mapping[str, Any]) -> dict[str, Any]:
    said = fields.get("message", fields.get("text"))
    message = said if isinstance(said, dict) and "message" in fields else {"text": said}
    return {"type": "text"} | message


def _status_changed(hook: _Hook) -> StatusChanged | None:
    said = hook.name.removeprefix("message.")
    if said == "status.updated":
        said = (hook.first(values.name, "status") or "").lower()
    status = _STATUSES.get(said)
    job_id, recipient = hook.first(values.name, *_JOB_ID), hook.first(values.number, *_RECIPIENT)
    if status is None or hook.fields.get("direction") == "inbound" or not (job_id or hook.message_id or recipient):
        return None
    errors = {name: part[name] for part in (hook.message, hook.fields) for name in _ERROR if name in part}
    code, reason = answers.fault(errors) if status == "failed" else (None, "")
    return StatusChanged(
        identity=hook.identity(status),
        status=status,
        at=hook.at,
        job_id=job_id,
        message_id=hook.message_id,
        recipient=recipient,
        digest=fingerprint.of_message(hook.message),
        code=code,
        reason=reason,
        body=hook.whole,
    )


def _received(hook: _Hook) -> Received | None:
    """None also for what the account itself sent: a message must never be taken for an answer to itself."""
    sender = hook.first(values.number, *_SENDER)
    if sender is None or hook.fields.get("direction") == "outbound":
        return None
    payload, title = _tapped(hook)
    context = hook.first(lambda value: value if isinstance(value, dict) else None, "context") or {}
    return Received(
        identity=hook.identity("received"),
        sender=sender,
        kind=_kind(hook.message.get("type")),
        at=hook.at,
        message_id=hook.message_id,
        text=title or _typed(hook.message),
        payload=payload,
        reply_to=values.name(context.get("id")) or values.name(context.get("message_id")),
        body=hook.whole,
    )


def _kind(value: object) -> str:
    return value if isinstance(value, str) and re.fullmatch(r"[a-z_]{1,20}", value) else "unknown"


def _typed(message: Mapping[str, Any]) -> str | None:
    match message:
        case {"text": {"body": body}}:
            return values.text(body)
        case {"text": str(words)} | {"caption": str(words)}:
            return values.text(words)
    return None


def _tapped(hook: _Hook) -> tuple[str | None, str | None]:
    """The id and the title of what was tapped: `replyId` beside the message (field reports), or as WhatsApp has it."""
    match hook.message:
        case {"interactive": {"button_reply": dict(reply)}} | {"interactive": {"list_reply": dict(reply)}}:
            payload, title = reply.get("id"), reply.get("title")
        case {"button": dict(reply)}:
            payload, title = reply.get("payload"), reply.get("text")
        case _:
            payload, title = None, None
    return hook.first(values.text, "replyId") or values.text(payload), values.text(title)
