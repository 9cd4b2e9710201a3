"""A recipient, a time, a template message of each category, and a factory of envelopes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harkara.messages import CopyCode, Envelope, Message, Template, Text

TO = "919876543210"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OTP = Template("otp", body=["123456"], buttons=[CopyCode("123456")], category="authentication")
SALE = Template("sale", category="marketing")
REMINDER = Template("reminder")


def envelope(*items: Message, **options: Any) -> Envelope:
    return Envelope(to=TO, messages=list(items) or [Text("Hello")], **options)
