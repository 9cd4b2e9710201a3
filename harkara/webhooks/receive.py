"""The door for webhooks: whether one is genuine, and that it is kept before it is answered."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from threading import Event, Thread

import structlog

from harkara.batching import Batcher
from harkara.chatmitra.signature import verify
from harkara.errors import NotFound, Unavailable
from harkara.inbound import events
from harkara.intake.stream import Intake
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.events.store import Webhook, store_all

log = structlog.get_logger(__name__)

RING_SECONDS = 0.2
"""At most one ring in this time: a worker folds all that is there."""

MOST = 50
"""Webhooks in one transaction."""


class WebhookReceiver:
    """Keeps genuine webhooks in the ledger, or in Redis while that is away; a worker folds them later.

    `ring` tells the workers. `came` hears the lane of each webhook and what became of it: stored, known already
    (`repeated`), in Redis (`spilled`), not genuine (`refused`) or lost on us (`unavailable`); `puzzled` hears the name
    of each event that nobody knows.
    """

    def __init__(
        self,
        db: Database,
        lanes: Mapping[str, Lane],
        mailbox: Intake,
        ring: Callable[[], None],
        *,
        came: Callable[[str, str], None] = lambda lane, outcome: None,
        puzzled: Callable[[str], None] = lambda about: None,
    ) -> None:
        self._ledger: Batcher[Webhook, list[events.Event]] = Batcher(partial(store_all, db), MOST)
        self._lanes = lanes
        self._mailbox = mailbox
        self._bell = Bell(ring)
        self._came = came
        self._puzzled = puzzled

    def hear(self, lane: str, raw: bytes, signature: str | None) -> bool:
        """Whether the webhook is genuine; then it is kept. `raw` is its body as it came, byte by byte.

        Raises NotFound when there is no such lane, and Unavailable when neither database nor Redis takes it: Chat Mitra
        tries again later.
        """
        known = self._lanes.get(lane)
        if known is None:
            raise NotFound("no lane of this name is configured here")
        if not verify(raw, signature, known.webhook_secret or ""):
            self._came(lane, "refused")
            return False
        self._came(lane, self._keep(lane, raw))
        self._bell.ring()
        return True

    def _keep(self, lane: str, raw: bytes) -> str:
        try:
            fresh = self._ledger.submit(Webhook(lane, raw))
        except Unavailable as error:
            log.warning("a webhook waits in Redis", action="webhook_spilled", lane=lane, error=str(error))
            return self._spill(lane, raw)
        for event in fresh:
            if isinstance(event, events.Unknown):
                self._puzzled(event.about)
        return "stored" if fresh else "repeated"

    def _spill(self, lane: str, raw: bytes) -> str:
        try:
            self._mailbox.append("webhook", [packed(lane, raw)])
        except Unavailable:
            self._came(lane, "unavailable")
            raise
        return "spilled"


class Bell:
    """Rings from a thread of its own: whoever answers a webhook does not wait for Redis."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._wanted = Event()
        Thread(target=self._run, name="bell", daemon=True).start()

    def ring(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        while self._wanted.wait():
            self._wanted.clear()
            try:
                self._ring()
            except Unavailable as error:
                # Every worker looks by itself, once a second.
                log.debug("nobody was told of a webhook", action="ring_failed", error=str(error))
            except Exception as error:
                log.error("the bell is broken", action="ring_broke", error=type(error).__name__)
            time.sleep(RING_SECONDS)


def packed(lane: str, raw: bytes) -> str:
    """A webhook as it waits in Redis; Latin-1 keeps every byte, whatever it is."""
    return json.dumps({"lane": lane, "raw": raw.decode("latin-1")})


def unpacked(data: str, came_at: datetime) -> Webhook:
    """Raises ValueError for what `packed` did not write."""
    match json.loads(data):
        case {"lane": str(lane), "raw": str(raw)}:
            return Webhook(lane, raw.encode("latin-1"), came_at)
    raise ValueError("this is no webhook")
