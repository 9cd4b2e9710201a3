"""Keyword arguments of `Client.envelope`; `Client.send` documents them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from harkara.messages import Category, Template


class MessageOptions(TypedDict, total=False):
    """How and when a message is sent. None means the same as leaving the option out."""

    reference: str | None
    at: datetime | None
    expires: datetime | timedelta | None
    lane: str | None
    category: Category | None
    priority: int | None
    customer_name: str | None
    alt_texts: Mapping[str, str] | None
    fallback: Template | None


class EnvelopeOptions(MessageOptions, total=False):
    """The same, and what only `Client.envelope` accepts."""

    id: str | None
    """The message's id, `job_` and 32 hexadecimal digits. Default: a new one."""
    quiet: bool | None
    """Whether quiet hours hold the message back. Default: only marketing."""
