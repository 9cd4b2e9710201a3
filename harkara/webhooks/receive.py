"""Receive webhooks: verify the signature, and store the events before the webhook is answered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from threading import Event, Thread

import structlog

from harkara.batching import Batcher
from harkara.chatmitra.signature import verify
from harkara.chatmitra.webhooks import parse
from harkara.errors import NotFound, Unavailable
from harkara.inbound import events
from harkara.intake.stream import Intake
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events.store_events import RawWebhook, store_webhooks

log = structlog.get_logger(__name__)

NOTIFY_SECONDS = 0.2
"""At most one notification in this time: the worker that gets it processes all stored events."""

MAX_BATCH = 50
"""Webhooks in one transaction."""


class WebhookReceiver:
    """Stores genuine webhooks in the ledger, or in the Redis `stream` while the database is unavailable.

    `notify_workers` asks the workers to process events. `on_received` gets the lane of each webhook and its outcome:
    stored, `repeated` (stored before), `spilled` (to Redis), `refused` (wrong signature) or `unavailable`.
    `on_unknown` gets the name of each event of an unknown kind.
    """

    def __init__(
        self,
        db: Database,
        lanes: Mapping[str, Lane],
        stream: Intake,
        notify_workers: Callable[[], None],
        *,
        on_received: Callable[[str, str], None] = lambda lane, outcome: None,
        on_unknown: Callable[[str], None] = lambda about: None,
    ) -> None:
        store = partial(store_webhooks, db, parse=parse)
        self._batcher: Batcher[RawWebhook, list[events.Event]] = Batcher(store, MAX_BATCH)
        self._lanes = lanes
        self._stream = stream
        self._notifier = WorkerNotifier(notify_workers)
        self._on_received = on_received
        self._on_unknown = on_unknown

    async def receive(self, lane: str, body: bytes, signature: str | None) -> bool:
        """Store a webhook; return False when it is not genuine. `body` is its raw bytes.

        Raises NotFound for an unknown lane. Raises Unavailable when neither the database nor Redis stores it; Chat
        Mitra then retries.
        """
        known = self._lanes.get(lane)
        if known is None:
            raise NotFound("no lane of this name is configured here")
        if not verify(body, signature, known.webhook_secret or ""):
            self._on_received(lane, "refused")
            return False
        self._on_received(lane, await self._store(lane, body))
        self._notifier.notify()
        return True

    async def _store(self, lane: str, body: bytes) -> str:
        try:
            new = await self._batcher.submit(RawWebhook(lane, body))
        except Unavailable as error:
            log.warning("webhook spilled to Redis", action="webhook_spilled", lane=lane, error=str(error))
            return await asyncio.to_thread(self._spill, lane, body)
        except Exception as error:
            # A worker tries once more, and keeps what cannot be stored as a dead letter.
            log.error("webhook not stored", action="webhook_failed", lane=lane, error=type(error).__name__)
            return await asyncio.to_thread(self._spill, lane, body)
        for event in new:
            if isinstance(event, events.UnknownEvent):
                self._on_unknown(event.about)
        return "stored" if new else "repeated"

    def _spill(self, lane: str, body: bytes) -> str:
        try:
            self._stream.append("webhook", [dump_webhook(lane, body)])
        except Unavailable:
            self._on_received(lane, "unavailable")
            raise
        return "spilled"


class WorkerNotifier:
    """Notifies the workers from a thread of its own, so that the answer to a webhook does not wait for Redis."""

    def __init__(self, notify_workers: Callable[[], None]) -> None:
        self._notify_workers = notify_workers
        self._requested = Event()
        Thread(target=self._run, name="notifier", daemon=True).start()

    def notify(self) -> None:
        self._requested.set()

    def _run(self) -> None:
        while self._requested.wait():
            self._requested.clear()
            try:
                self._notify_workers()
            except Unavailable as error:
                # Every worker also looks for new events once a second.
                log.debug("workers not notified", action="notify_failed", error=str(error))
            except Exception as error:
                log.error("worker notification broken", action="notify_broken", error=type(error).__name__)
            time.sleep(NOTIFY_SECONDS)


def dump_webhook(lane: str, body: bytes) -> str:
    """Return a webhook as Redis stores it; Latin-1 preserves every byte."""
    return json.dumps({"lane": lane, "raw": body.decode("latin-1")})


def load_webhook(data: str, arrived_at: float | None) -> RawWebhook:
    """Load what `dump_webhook` returned. Raises ValueError for anything else."""
    match json.loads(data):
        case {"lane": str(lane), "raw": str(raw)}:
            return RawWebhook(lane, raw.encode("latin-1"), arrived_at)
    raise ValueError("the entry holds no webhook")
