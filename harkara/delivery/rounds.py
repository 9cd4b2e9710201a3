"""Rounds: runs of periodic work that every process attempts and one at a time executes, under a lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harkara.ledger.database import Database
from harkara.ledger.leases import lease

T = TypeVar("T")

LEASE_SECONDS = 10.0


class Rounds:
    """The rounds of one process; `holder` names it in the ledger."""

    def __init__(self, db: Database, holder: str) -> None:
        self._db = db
        self._holder = holder

    def run(
        self, name: str, work: Callable[[], T], *, period_seconds: float, lease_seconds: float = LEASE_SECONDS
    ) -> T | None:
        """Run the work unless another process does, or did within most of the period; return None when it did not run.

        A period of 0 always runs it. Another process takes over `lease_seconds` after a holder has died.
        Raises Unavailable.
        """
        pause = 0.8 * period_seconds
        with lease(self._db, name, self._holder, lease_seconds=lease_seconds, every_seconds=pause) as held:
            return work() if held else None
