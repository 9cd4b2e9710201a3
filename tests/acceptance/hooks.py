"""Chat Mitra's webhooks, played by the test: for what the sandbox accepted, in any order and some of it twice."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable
from contextlib import closing
from itertools import chain
from typing import Any

from harkara.inbound import sign
from harkara.inbound.door import WebhookDoor
from harkara.intake import WEBHOOKS, Intake, connect
from harkara.lanes import Lane
from harkara.ledger.database import Database
from tests.acceptance.deployment import Deployment

SECRET = "secret-of-the-webhooks"


def tell_all(harkara: Deployment, rng: random.Random, patience: float = 20) -> int:
    """That each accepted request was sent and delivered; returns how many webhooks that were.

    They are put through the door, as the web process would, which waits so long for the database.
    """
    told = [
        hook(request, number, step)
        for number, request in enumerate(request for request in harkara.sandbox.requests() if request["accepted"])
        for step in ("sent", "delivered")
    ]
    hooks = list(chain(told, rng.sample(told, len(told) // 4)))
    rng.shuffle(hooks)
    put_through(harkara, hooks, patience)
    return len(hooks)


def put_through(harkara: Deployment, hooks: Iterable[bytes], patience: float = 20) -> None:
    lane = Lane("default", "the worker knows it", None, webhook_secret=SECRET)
    ledger = Database(harkara.settings["HARKARA_DATABASE_URL"], patience=patience)
    with closing(ledger), closing(connect(harkara.valkey.url, seconds=3)) as redis:
        door = WebhookDoor(ledger, {"default": lane}, Intake(redis, stream=WEBHOOKS), lambda: None)
        for raw in hooks:
            assert door.hear("default", raw, sign(raw, SECRET))


def hook(request: dict[str, Any], number: int, status: str) -> bytes:
    """It names no job and shows what was sent, as field reports have it."""
    said = {
        "event": "message.sent" if status == "sent" else "message.status.updated",
        "status": status,
        "message_id": f"wamid.{number}",
        "direction": "outbound",
        "to": f"{request['recipient']}@c.us",
        "timestamp": int(time.time()),
        "message": shown(request["body"]),
    }
    return json.dumps(said).encode()


def shown(body: dict[str, Any]) -> dict[str, Any]:
    match body:
        case {"message": text}:
            return {"type": "text", "text": text}
        case {"messages": [{"template": template}]}:
            return {"type": "template", "template": template}
        case {"messages": [{"payload": payload}]}:
            return dict(payload)
    raise AssertionError("these tests send one message at a time")
