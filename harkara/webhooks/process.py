"""The rounds of a worker that process events: from Redis into the ledger, and from there to messages and contacts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog

from harkara.intake.entries import IntakeEntry
from harkara.intake.stream import Intake
from harkara.ledger.database import Database
from harkara.ledger.dead_letters import DeadLetter, add_dead_letters
from harkara.ledger.events.process import BATCH, EventContext, any_due, process
from harkara.ledger.events.reread import RECENT, reread_unknown
from harkara.ledger.events.silence import webhook_silences
from harkara.ledger.events.store_events import RawWebhook, store_webhooks
from harkara.ledger.leases import lease
from harkara.ledger.write_each import write_each
from harkara.webhooks.receive import load_webhook

log = structlog.get_logger(__name__)

LEASE_SECONDS = 10.0

REREAD_SECONDS = 60.0

OLD_PROCESSES = timedelta(hours=1)
"""How long after its receipt a process of an older release may still leave an event as unknown."""

_PROCESSING = "fold"  # the lease's name in the table `duty`, after the task harkara.fold


class EventProcessor:
    """Collects webhooks from Redis, processes events, and checks for silence; `holder` names this process.

    `on_processed` gets how many events had which outcome. A lane is silent after `silence_seconds` without any event,
    and an alarm for it comes at most every `check_seconds`. Unknown events are read again every `reread_seconds`.
    """

    def __init__(
        self,
        db: Database,
        stream: Intake,
        context: EventContext,
        *,
        holder: str,
        silence_seconds: float,
        check_seconds: float,
        reread_seconds: float = REREAD_SECONDS,
        on_processed: Callable[[Counter[str]], None] = lambda done: None,
    ) -> None:
        self._db = db
        self._stream = stream
        self._context = context
        self._holder = holder
        self._silence = silence_seconds
        self._check_seconds = check_seconds
        self._on_processed = on_processed
        self._reread_seconds = reread_seconds
        self._reread_at: float | None = None

    def collect(self) -> int:
        """Store the webhooks that Redis holds since the database was unavailable; return how many.

        Raises Unavailable.
        """
        collected = 0
        if self._stream.is_empty():
            return collected
        while entries := self._stream.read():
            webhooks = [(entry, webhook) for entry in entries if (webhook := self._load(entry))]
            if webhooks:
                collected += len(write_each(webhooks, self._store, lambda pair, error: self._reject(pair[0], error)))
            self._stream.acknowledge(entries)
        return collected

    def process(self) -> Counter[str]:
        """Process the due events, in one process at a time; return how many had which outcome. Raises Unavailable."""
        done: Counter[str] = Counter()
        self._reread()
        if not any_due(self._db):
            return done
        end = monotonic() + 0.8 * LEASE_SECONDS
        with lease(self._db, _PROCESSING, self._holder, lease_seconds=LEASE_SECONDS, every_seconds=0.0) as held:
            more = held
            while more and monotonic() < end:
                batch = process(self._db, self._context)
                done += batch
                more = batch.total() >= BATCH
        self._on_processed(done)
        return done

    def _reread(self) -> None:
        """Read again what a process of an older release leaves: it may still run after this one has started."""
        now, since = monotonic(), RECENT
        if self._reread_at is not None:
            if now - self._reread_at < self._reread_seconds:
                return
            since = min(RECENT, timedelta(seconds=now - self._reread_at) + OLD_PROCESSES)
        reread = reread_unknown(self._db, self._context, since)
        self._reread_at = now
        if reread:
            log.info("unknown events read again", action="events_reread", events=reread)

    def check_silence(self) -> dict[str, float]:
        """Log the lanes whose messages are accepted while no webhook arrives; return the seconds of each."""
        with lease(
            self._db, "silence", self._holder, lease_seconds=LEASE_SECONDS, every_seconds=0.8 * self._check_seconds
        ) as held:
            found = webhook_silences(self._db, self._context.lanes) if held else {}
        silent = {lane: seconds for lane, seconds in found.items() if seconds > self._silence}
        for lane, seconds in silent.items():
            log.error(
                "no webhooks received: check the webhook's address and secret in the Chat Mitra dashboard",
                action="webhooks_silent",
                lane=lane,
                seconds=int(seconds),
            )
        return silent

    def _store(self, webhooks: Sequence[tuple[IntakeEntry, RawWebhook]]) -> None:
        store_webhooks(self._db, [webhook for _, webhook in webhooks], self._context.parse)

    def _load(self, entry: IntakeEntry) -> RawWebhook | None:
        try:
            return load_entry(entry)
        except Exception as error:
            self._reject(entry, error)
            return None

    def _reject(self, entry: IntakeEntry, error: Exception) -> None:
        """Keep an entry that cannot be stored as a dead letter, so that the entries beside it are stored."""
        log.error(
            "webhook entry rejected", action="webhook_rejected", entry=entry.stream_id, error=type(error).__name__
        )
        add_dead_letters(self._db, [DeadLetter.of("webhooks", entry.stream_id, "webhook", error, entry.data)])


def load_entry(entry: IntakeEntry) -> RawWebhook:
    """Load one webhook from Redis. Without that, the id of its entry gives the time, by Redis' clock.

    Raises ValueError, or OverflowError for an id that is no time.
    """
    arrived_at = entry.appended_at
    if arrived_at is None:
        appended_at = datetime.fromtimestamp(int(entry.stream_id.partition("-")[0]) / 1000, UTC)
        arrived_at = time.monotonic() - max(0.0, (datetime.now(UTC) - appended_at).total_seconds())
    return load_webhook(entry.data, arrived_at)
