"""Parse the body of a Chat Mitra webhook into events."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from harkara.chatmitra import content
from harkara.chatmitra.fields import parse_id, parse_time
from harkara.chatmitra.parse_answer import parse_error
from harkara.chatmitra.people import parse_change, parse_chooser, parse_profile_name, parse_recipient, parse_sender
from harkara.chatmitra.preferences import EVENT_NAMES, parse_preference, split_preferences
from harkara.chatmitra.pricing import parse_pricing
from harkara.inbound import fingerprint
from harkara.inbound.content import bounded
from harkara.inbound.events import (
    Event,
    MessageReceived,
    NumberChanged,
    PreferenceChanged,
    Status,
    StatusChanged,
    UnknownEvent,
)
from harkara.inbound.normalization import canonical_json, clean_text, digest

T = TypeVar("T")


def parse(body: bytes, received_at: datetime) -> list[Event]:
    """Return the events in the body of a webhook: at least one, whatever the bytes are. `received_at` is aware UTC.

    A known body is one object with an `event`. Its fields stand beside that or, as two clients expect, under `data`. A
    list of such objects is accepted too. Names and shapes of `message.received` are Chat Mitra's (docs, Webhooks). The
    other events are assumed to be like it, with the spellings that a client in production expects.
    """
    try:
        return [_event(one, received_at) for one in _split(json.loads(body))]
    except (ValueError, RecursionError):
        return [UnknownEvent(identity=digest(body), about="unreadable", at=received_at, body=body)]


def _split(parsed: object) -> Iterator[object]:
    for one in parsed if isinstance(parsed, list) and parsed else [parsed]:
        yield from split_preferences(one)


def _event(parsed: object, received_at: datetime) -> Event:
    raw = _RawEvent(parsed, received_at)
    event: Event | None = None
    match raw.name:
        case "message.received":
            kind = content.kind_of(raw.message)
            event = _system_notice(raw) if kind == "system" else _message_received(raw, kind)
        case "message.sent" | "message.failed" | "message.status.updated":
            event = _status_changed(raw)
        case name if name in EVENT_NAMES:
            event = _preference_changed(raw)
        case name if _OTHER.fullmatch(name) and raw.fields.get("direction") == "inbound":
            # For example message.deleted or message.reaction: none is documented, and the application may know it.
            event = _message_received(raw, name.removeprefix("message.").replace(".", "_"), is_new=False)
    if event is not None:
        return event
    about = raw.name if _NAME.fullmatch(raw.name) and len(raw.name) <= 40 else "nameless"
    return UnknownEvent(identity=digest(raw.body), about=about, at=received_at, body=raw.body)


_NAME = re.compile(r"[a-z]+(?:\.[a-z]+)*")
_OTHER = re.compile(r"message\.[a-z]{1,20}(?:\.[a-z]{1,10})?")

_MESSAGE_ID = ("message_id", "messageId", "wamid")
_JOB_ID = ("jobId", "job_id")
_ERROR = ("error", "errors", "code", "title")

# Chat Mitra docs, Webhooks: delivered and read. WhatsApp's `played` is a voice message that the recipient played.
_STATUSES: dict[str, Status] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}


class _RawEvent:
    """One event as it arrived: its fields, and those of its `message`, which may also be a plain text."""

    def __init__(self, parsed: object, received_at: datetime) -> None:
        self.body = canonical_json(parsed)
        self.received_at = received_at
        fields: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
        inner = fields.get("data")
        self.fields = fields | inner if isinstance(inner, dict) else fields
        self.name = str(self.fields.get("event", "")).lower().replace("_", ".").replace("messages.", "message.")
        self.message = content.find_message(self.fields)
        self.message_id = self.first(parse_id, *_MESSAGE_ID) or parse_id(self.message.get("id"))
        self.at = parse_time(self.first(lambda value: value, "timestamp"), received_at)

    def first(self, parse_value: Callable[[object], T | None], *names: str) -> T | None:
        """Return the first value under one of these names that can be parsed."""
        for part in (self.fields, self.message):
            for name in names:
                if (value := parse_value(part.get(name))) is not None:
                    return value
        return None

    def identity(self, what: str) -> str:
        """Return what two deliveries of one event have in common.

        Retries carry no id of their own (docs, Webhooks), but a message has each status once.
        """
        return digest(what, self.message_id) if self.message_id else digest(self.body)


def _status_changed(raw: _RawEvent) -> StatusChanged | None:
    name = raw.name.removeprefix("message.")
    if name == "status.updated":
        name = (raw.first(parse_id, "status") or "").lower()
    status = _STATUSES.get(name)
    job_id, (recipient, user_ids) = raw.first(parse_id, *_JOB_ID), parse_recipient(raw)
    named = job_id or raw.message_id or recipient or user_ids
    if status is None or raw.fields.get("direction") == "inbound" or not named:
        return None
    errors = {name: part[name] for part in (raw.message, raw.fields) for name in _ERROR if name in part}
    code, reason = parse_error(errors) if status == "failed" else (None, "")
    return StatusChanged(
        identity=raw.identity(status),
        status=status,
        at=raw.at,
        job_id=job_id,
        message_id=raw.message_id,
        recipient=recipient,
        user_ids=user_ids,
        digest=fingerprint.of_message(raw.message),
        code=code,
        reason=reason,
        pricing=parse_pricing(raw.first(_object, "pricing")),
        text=_sent_text(raw) if status == "sent" else None,
        body=raw.body,
    )


def _sent_text(raw: _RawEvent) -> str | None:
    """Return the text of a text message; other types have none, so that no code of a template is read."""
    if raw.message.get("type") != "text":
        return None
    text = raw.message.get("text")
    return clean_text(text.get("body") if isinstance(text, dict) else text)


def _message_received(raw: _RawEvent, kind: str, *, is_new: bool = True) -> MessageReceived | None:
    """None also for what the account itself sent: a message must never count as an answer to itself.

    A notice and a reaction may carry the id of the message that they are about, so that their content identifies them.
    """
    number, user_ids = parse_sender(raw)
    sender = number or next(iter(user_ids), None)
    if sender is None or raw.fields.get("direction") == "outbound":
        return None
    said = is_new and kind not in content.NOTICES
    named = said and kind != "reaction"
    in_group = raw.first(parse_id, "group_id", "groupId") is not None  # Meta's docs, Groups API
    payload, title = content.tap_of(raw.message)
    return MessageReceived(
        identity=raw.identity("received") if named else digest("received", raw.body),
        sender=sender,
        user_ids=user_ids,
        name=parse_profile_name(raw),
        kind=kind,
        at=raw.at,
        message_id=raw.message_id,
        text=title or content.words_of(raw.message, kind),
        payload=raw.first(clean_text, "replyId") or payload,
        reply_to=_reply_to(raw),
        changes=_changed(raw, kind) if kind in content.NOTICES else None,
        content=bounded(content.all_content(raw.fields, raw.message)),
        opens_window=said and not in_group,
        in_group=in_group,
        body=raw.body,
    )


def _system_notice(raw: _RawEvent) -> NumberChanged | None:
    """A notice of WhatsApp about a person, who wrote nothing; None for one that reports no other number."""
    change = parse_change(raw, raw.message)
    if change is None:
        return None
    before, after = change
    return NumberChanged(identity=raw.identity("received"), before=before, after=after, at=raw.at, body=raw.body)


def _reply_to(raw: _RawEvent) -> str | None:
    """Return WhatsApp's id of the message that this one replies or reacts to."""
    context = raw.first(_object, "context") or {}
    reaction = raw.first(_object, "reaction") or {}
    return parse_id(context.get("id")) or parse_id(context.get("message_id")) or parse_id(reaction.get("message_id"))


def _changed(raw: _RawEvent, kind: str) -> str | None:
    """Return WhatsApp's id of the message that a notice is about; it may be the notice's own."""
    notice = _object(raw.message.get(kind)) or {}
    return parse_id(notice.get("original_message_id")) or raw.message_id


def _preference_changed(raw: _RawEvent) -> PreferenceChanged | None:
    found = parse_preference(raw.fields)
    if found is None:
        return None
    choice, action, proof = found
    number, user_ids = parse_chooser(_RawEvent(choice, raw.received_at))
    names = (number, *user_ids) if number else user_ids
    at = parse_time(choice.get("timestamp"), raw.received_at)
    if not names:
        return None
    identity = digest("preference", raw.body)
    return PreferenceChanged(identity=identity, names=names, action=action, proof=proof, at=at, body=raw.body)


def _object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None
