"""EventProcessor: the rounds that bring events from where they wait into the messages that they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

import structlog

from harkara.intake.stream import Intake, IntakeEntry
from harkara.ledger.database import Database
from harkara.ledger.events.process import BATCH, Judges, any_due, fold
from harkara.ledger.events.silence import silences
from harkara.ledger.events.store import Webhook, store_all
from harkara.ledger.leases import lease
from harkara.webhooks.receive import unpacked

log = structlog.get_logger(__name__)

FOLD_LEASE_SECONDS = 10.0
SILENCE_SECONDS = 300.0
"""Between two alarms for the same silence."""


class EventProcessor:
    """Drains the mailbox, folds, and listens for silence; `holder` names this process.

    `folded` hears how many events came to which end. A lane is silent after `silence_seconds` without any event.
    """

    def __init__(
        self,
        db: Database,
        mailbox: Intake,
        judges: Judges,
        *,
        holder: str,
        silence_seconds: float,
        folded: Callable[[Counter[str]], None] = lambda done: None,
    ) -> None:
        self._db = db
        self._mailbox = mailbox
        self._judges = judges
        self._holder = holder
        self._silence = silence_seconds
        self._folded = folded

    def collect(self) -> int:
        """Brings what came while the database was away into it; returns how many webhooks. Raises Unavailable."""
        came = 0
        while entries := self._mailbox.read():
            webhooks = [webhook for entry in entries if (webhook := _read(entry))]
            store_all(self._db, webhooks)
            came += len(webhooks)
            self._mailbox.acknowledge(entries)
        return came

    def fold(self) -> Counter[str]:
        """Folds what is due, one process at a time; returns how many events came to which end. Raises Unavailable."""
        done: Counter[str] = Counter()
        if not any_due(self._db):
            return done
        end = monotonic() + 0.8 * FOLD_LEASE_SECONDS
        with lease(self._db, "fold", self._holder, lease_seconds=FOLD_LEASE_SECONDS, every_seconds=0.0) as mine:
            more = mine
            while more and monotonic() < end:
                batch = fold(self._db, self._judges)
                done += batch
                more = batch.total() >= BATCH
        self._folded(done)
        return done

    def listen(self) -> dict[str, float]:
        """Says which lanes hear nothing though their messages go out; returns for how many seconds each has not."""
        with lease(
            self._db, "silence", self._holder, lease_seconds=FOLD_LEASE_SECONDS, every_seconds=0.8 * SILENCE_SECONDS
        ) as mine:
            found = silences(self._db, self._judges.lanes) if mine else {}
        silent = {lane: seconds for lane, seconds in found.items() if seconds > self._silence}
        for lane, seconds in silent.items():
            log.error(
                "no webhook comes: look at the webhook's address and secret in the Chat Mitra dashboard",
                action="webhooks_silent",
                lane=lane,
                seconds=int(seconds),
            )
        return silent


def _read(entry: IntakeEntry) -> Webhook | None:
    """One webhook out of Redis, whose clock says when it came."""
    came_at = datetime.fromtimestamp(int(entry.stream_id.partition("-")[0]) / 1000, UTC)
    try:
        return unpacked(entry.data, came_at)
    except ValueError:
        log.error("the mailbox held what is no webhook", action="webhook_rejected", entry=entry.stream_id)
        return None
