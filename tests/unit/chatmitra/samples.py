"""Sample webhooks as Chat Mitra sends them, and their times."""

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


def received_event(message: Any = None, **fields: Any) -> dict[str, Any]:
    """Return a `message.received` event, as the documentation and a client in production have it."""
    return {
        "event": "message.received",
        "message_id": "wamid_abc123",
        "direction": "inbound",
        "from": CUSTOMER,
        "to": BUSINESS,
        "timestamp": 1_705_329_000,
        "message": {"type": "text", "text": "Hello"} if message is None else message,
    } | fields


def status_event(event: str = "message.sent", message: Any = None, **fields: Any) -> dict[str, Any]:
    """Return one of the other events, which are known only to be similar."""
    return {
        "event": event,
        "message_id": "wamid_xyz789",
        "direction": "outbound",
        "from": BUSINESS,
        "to": CUSTOMER,
        "timestamp": 1_705_329_000,
        "message": {"type": "text", "text": "Your order is ready"} if message is None else message,
    } | fields


def parse_one(event: Any) -> Event:
    (parsed,) = parse(json.dumps(event).encode(), NOW)
    return parsed


def parse_status(event: Any) -> StatusChanged:
    parsed = parse_one(event)
    assert isinstance(parsed, StatusChanged)
    return parsed


def parse_received(event: Any) -> MessageReceived:
    parsed = parse_one(event)
    assert isinstance(parsed, MessageReceived)
    return parsed
