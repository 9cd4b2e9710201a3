"""What a webhook of Chat Mitra can say, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Status = Literal["sent", "delivered", "read", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """A message of the account got further or failed: one of ours, or one that somebody typed in the dashboard.

    `digest` is that of its content (see `echo`), `recipient` digits alone; `code` and `reason` say why it failed.
    Two events of the same `identity` are one. `body` is the event's JSON, from which it can be read again.
    """

    identity: str
    status: Status
    at: datetime
    job_id: str | None = None
    message_id: str | None = field(default=None, repr=False)
    recipient: str | None = field(default=None, repr=False)
    digest: str | None = None
    code: str | None = None
    reason: str = ""
    body: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A customer wrote, or tapped a button or a row: then `payload` is its id and `text` its title.

    `sender` is digits alone, `kind` WhatsApp's name for the type, `reply_to` the message that it answers.
    """

    identity: str
    sender: str = field(repr=False)
    kind: str
    at: datetime
    message_id: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    payload: str | None = field(default=None, repr=False)
    reply_to: str | None = field(default=None, repr=False)
    body: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Something else: its JSON whole, or the bytes that are none. `about` is fit to count by: the event's name."""

    identity: str
    about: str
    at: datetime
    body: bytes = field(repr=False)


Event = StatusChanged | Received | Unknown
