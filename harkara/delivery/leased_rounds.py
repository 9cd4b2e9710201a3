"""Rounds: runs of periodic work that every process attempts and one at a time executes, under a lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harkara.ledger.database import Database
from harkara.ledger.leases import TransactionLease, lease

T = TypeVar("T")

LEASE_SECONDS = 10.0


class Rounds:
    """The rounds of one process; `holder` names it in the ledger, and `period_of` returns the seconds of a work."""

    def __init__(self, db: Database, holder: str, period_of: Callable[[str], float]) -> None:
        self._db = db
        self._holder = holder
        self._period_of = period_of

    def run(
        self, name: str, work: Callable[[], T], *, at_once: bool = False, lease_seconds: float = LEASE_SECONDS
    ) -> T | None:
        """Run the work unless another process does, or did within most of the period; return None when it did not run.

        `at_once` ignores the period. Another process takes over `lease_seconds` after a holder has died.
        Raises Unavailable.
        """
        pause = self._pause(name, at_once)
        with lease(self._db, name, self._holder, lease_seconds=lease_seconds, every_seconds=pause) as held:
            return work() if held else None

    def lease(self, name: str, *, at_once: bool = False) -> TransactionLease:
        """Return the lease of a round that is a single transaction."""
        return TransactionLease(name, self._holder, self._pause(name, at_once))

    def _pause(self, name: str, at_once: bool) -> float:
        return 0.0 if at_once else 0.8 * self._period_of(name)
