"""Keyword arguments that the client's methods share, each documented once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypedDict

from harkara.messages import Category, Template


class MessageOptions(TypedDict, total=False):
    """How and when a message goes. Each may be left out, and None means the same as leaving it out."""

    reference: str | None
    """Your own name for the message, 1 to 200 printable characters. The same reference twice is one message."""
    at: datetime | None
    """Earliest time to send it, with a time zone. Default: now."""
    expires: datetime | None
    """Latest time to send it, with a time zone; then it is cancelled. Default: by category, see `deadlines`."""
    lane: str | None
    """The Chat Mitra account to send from. Default: the client's lane."""
    category: Category | None
    """`authentication`, `reply`, `utility` or `marketing`. Default: what the message says of itself."""
    priority: int | None
    """0 (sent first) to 3. Default: by category."""
    customer_name: str | None
    """The value of the placeholder `$name` in a template."""
    alt_texts: Mapping[str, str] | None
    """Values of other placeholders in a template, such as `{"$city": "Pune"}`."""
    fallback: Template | None
    """Template to send instead when the recipient's 24-hour window is closed. Default: the lane's, if it has one."""


class EnvelopeOptions(MessageOptions, total=False):
    """The same, and what only `Client.envelope` accepts."""

    id: str | None
    """The message's id, `job_` and 32 hexadecimal digits. Default: a new one."""
    quiet: bool | None
    """Whether quiet hours hold the message back. Default: only marketing."""
