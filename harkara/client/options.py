"""Keyword arguments that several calls of the clients share; the calls of `Client` document them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict

if TYPE_CHECKING:  # `import harkara` does not pay for pydantic, nor for occasions
    from harkara.catalogue import Catalogue
    from harkara.categories import Category
    from harkara.messages import Template
    from harkara.occasions import Rules


class ClientOptions(TypedDict, total=False):
    """How a client reaches Harkara, besides the URL of Redis."""

    database_url: str | None
    producer: str
    lane: str
    region: str
    seconds: float
    deadlines: Mapping[str, float]
    catalogue: Path | str | Catalogue | None
    reminders: Path | str | Rules | None
    replicas: int


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
    traceparent: str | None
    """W3C Trace Context to keep with the message. Default: that of the current span of OpenTelemetry, if any."""


class OccasionOptions(TypedDict, total=False):
    """What an occasion says besides its kind, reference and customer."""

    at: Required[date]
    zone: str | None
    parameters: Mapping[str, str] | None
    version: int | None
    lane: str | None
    language: str | None


class ClosingOptions(TypedDict, total=False):
    """What the ending of an occasion says besides its kind and reference."""

    reason: str | None
    version: int | None
    lane: str | None
