"""Maintenance: the sweep, the derivation of reminders and the progress of campaigns, each in rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from time import monotonic

import structlog

from harkara.delivery.history import HistoryDeletion
from harkara.delivery.leased_rounds import Rounds
from harkara.ledger.campaigns.counts import due_campaigns, fill_ranges, renew_counts, unranged_campaigns
from harkara.ledger.campaigns.housekeeping import advance_campaigns, any_open
from harkara.ledger.database import Database
from harkara.ledger.occasions.commands import BATCH_SIZE, rederive
from harkara.ledger.repairs import any_repair
from harkara.ledger.retention import erase_old
from harkara.ledger.sweep import Policy, sweep
from harkara.occasions import ReminderPlan

log = structlog.get_logger(__name__)

LIMIT_SECONDS = 25.0
"""The most that one round of derivation or erasure takes; the next round continues."""

UNNEEDED_SECONDS = 5.0
"""Between two sweeps of a process that finds nothing to sweep."""


class Maintenance:
    """The periodic work on the ledger besides dispatch. Every method raises Unavailable.

    `policy` decides what happens to a message whose worker died. `deadlines` are the seconds of each category.
    `may_judge` says whether this process may call a worker dead now (see `harkara.delivery.worker_lease`).
    `on_swept` receives the number of rows that each part of the sweep moved.
    """

    def __init__(
        self,
        db: Database,
        rounds: Rounds,
        policy: Policy,
        plan: ReminderPlan,
        *,
        deadlines: Mapping[str, float],
        retention_seconds: float | None,
        history_seconds: float | None,
        may_judge: Callable[[datetime], bool],
        on_swept: Callable[[Counter[str]], None],
    ) -> None:
        self._db = db
        self._rounds = rounds
        self._policy = policy
        self._plan = plan
        self._deadlines = deadlines
        self._retention = retention_seconds
        self._history = HistoryDeletion(db, history_seconds)
        self._may_judge = may_judge
        self._on_swept = on_swept
        self._sweep_at = 0.0

    def sweep(self) -> Counter[str]:
        """Recover what crashes left behind; return the rows moved by each part.

        Mostly one query shows that there is nothing. Then a sweep only runs every UNNEEDED_SECONDS, for those who
        watch that some worker does it.
        """
        if monotonic() < self._sweep_at and not any_repair(self._db):
            return self._report(None)
        swept = self._rounds.run("sweep", self._sweep)
        self._sweep_at = monotonic() + UNNEEDED_SECONDS
        return self._report(swept)

    def erase(self) -> Counter[str]:
        """Erase and delete what is too old; return the rows moved by each part."""
        return self._report(self._rounds.run("erase", self._erase, lease_seconds=2 * LIMIT_SECONDS))

    def campaigns(self) -> Counter[str]:
        """Start, pause and finish campaigns; return how many."""
        if not any_open(self._db):
            return Counter()
        moved = self._rounds.run("campaigns", lambda: advance_campaigns(self._db))
        if moved:
            log.info("campaigns updated", action="campaigns", **moved)
        return moved or Counter()

    def counts(self) -> int:
        """Count the large campaigns whose count is due, for their pages; return their number."""
        if not due_campaigns(self._db) and not unranged_campaigns(self._db):
            return 0
        return self._rounds.run("counts", self._count, lease_seconds=2 * LIMIT_SECONDS) or 0

    def derive(self) -> int:
        """Derive the reminders of occasions again whose rules were edited; return the number of occasions."""
        derived = self._rounds.run("derive", self._derive, lease_seconds=2 * LIMIT_SECONDS)
        if derived:
            log.info("reminders derived", action="derived", occasions=derived)
        return derived or 0

    def _sweep(self) -> Counter[str]:
        return sweep(self._db, self._policy, may_judge=self._may_judge)

    def _erase(self) -> Counter[str]:
        end, moved = monotonic() + LIMIT_SECONDS, Counter[str]()
        while batch := erase_old(self._db, self._retention):
            moved += batch
            if monotonic() > end:
                return moved
        return moved + self._history.round(end)

    def _report(self, moved: Counter[str] | None) -> Counter[str]:
        if moved:
            log.info("rows swept", action="swept", **moved)
        self._on_swept(moved or Counter())
        return moved or Counter()

    def _count(self) -> int:
        fill_ranges(self._db)
        return renew_counts(self._db, seconds=LIMIT_SECONDS)

    def _derive(self) -> int:
        end, derived = monotonic() + LIMIT_SECONDS, 0
        while monotonic() < end:
            batch = rederive(self._db, self._plan, self._deadlines)
            derived += batch
            if batch < BATCH_SIZE:
                break
        return derived
