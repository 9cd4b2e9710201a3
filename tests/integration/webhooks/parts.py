"""A webhook receiver that records its outcomes, and an event processor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any

import redis

from harkara.chatmitra.signature import sign
from harkara.intake.stream import WEBHOOKS, Intake
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.webhooks.process import EventProcessor
from harkara.webhooks.receive import WebhookReceiver
from tests.integration.ledger.webhooks import CONTEXT

LANES = {
    **CONTEXT.lanes,
    "no-secret": Lane("no-secret", "t", None),
    "blank-secret": Lane("blank-secret", "t", None, webhook_secret=" "),
}


class RecordingReceiver:
    """A receiver with the `outcomes` of its webhooks, the names of `unknown` events and an event set on `notified`."""

    def __init__(
        self, db: Database, redis_client: redis.Redis, notify_workers: Callable[[], object] | None = None
    ) -> None:
        self.outcomes: list[tuple[str, str]] = []
        self.unknown: list[str] = []
        self.notified = Event()

        def notify() -> None:
            (notify_workers or self.notified.set)()

        self.receiver = WebhookReceiver(
            db,
            LANES,
            Intake(redis_client, stream=WEBHOOKS),
            notify,
            on_received=lambda lane, outcome: self.outcomes.append((lane, outcome)),
            on_unknown=self.unknown.append,
        )

    def receive(self, body: bytes, lane: str = "default", signature: str | None = None) -> bool:
        """Receive a webhook, signed with the lane's secret unless there is a signature."""
        secret = CONTEXT.lanes[lane].webhook_secret if lane in CONTEXT.lanes else ""
        signature = sign(body, secret or "") if signature is None else signature
        return asyncio.run(self.receiver.receive(lane, body, signature))


def processor(db: Database, redis_client: redis.Redis, reader: str = "reader", **options: Any) -> EventProcessor:
    """Return an event processor of the process `reader`."""
    stream = Intake(redis_client, reader, stream=WEBHOOKS, abandoned_seconds=0.05)
    options = {"silence_seconds": 900, "check_seconds": 300} | options
    return EventProcessor(db, stream, CONTEXT, holder=reader, **options)
