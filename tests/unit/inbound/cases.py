"""Webhooks as Chat Mitra sends them, and the moments they are about."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from harkara.chatmitra.webhooks import parse
from harkara.inbound.events import Event, MessageReceived, StatusChanged

AT = datetime.fromtimestamp(1_705_329_000, UTC)
NOW = datetime(2024, 1, 15, 14, 30, 5, tzinfo=UTC)
"""Five seconds later."""

CUSTOMER, BUSINESS = "919876543210", "919888888888"


def received(message: Any = None, **fields: Any) -> dict[str, Any]:
    """`message.received`, by Chat Mitra's own documentation as a client in production has it."""
    return {
        "event": "message.received",
        "message_id": "wamid_abc123",
        "direction": "inbound",
        "from": CUSTOMER,
        "to": BUSINESS,
        "timestamp": 1_705_329_000,
        "message": {"type": "text", "text": "Hello"} if message is None else message,
    } | fields


def status(event: str = "message.sent", message: Any = None, **fields: Any) -> dict[str, Any]:
    """The other events: what is known is that they look alike."""
    return {
        "event": event,
        "message_id": "wamid_xyz789",
        "direction": "outbound",
        "from": BUSINESS,
        "to": CUSTOMER,
        "timestamp": 1_705_329_000,
        "message": {"type": "text", "text": "Your order is ready"} if message is None else message,
    } | fields


def only(said: Any) -> Event:
    (event,) = parse(json.dumps(said).encode(), NOW)
    return event


def as_status(said: Any) -> StatusChanged:
    event = only(said)
    assert isinstance(event, StatusChanged)
    return event


def as_received(said: Any) -> MessageReceived:
    event = only(said)
    assert isinstance(event, MessageReceived)
    return event
