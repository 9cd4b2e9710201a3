"""The statistics of the ledger's tables, renewed soon after a bulk of changes."""

from __future__ import annotations

from time import monotonic

import structlog

from harkara.delivery.leased_rounds import Rounds
from harkara.errors import HarkaraError
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LedgerError
from harkara.ledger.statistics import analyze, outgrown_tables

log = structlog.get_logger(__name__)

LIMIT_SECONDS = 10.0
"""No table is begun after these seconds of a round; the next round continues."""


class TableStatistics:
    """Renews statistics in rounds. What fails is logged once, and tried again in every round."""

    def __init__(self, db: Database, rounds: Rounds) -> None:
        self._db = db
        self._rounds = rounds
        self._failures: set[str] = set()

    def renew(self) -> list[str]:
        """Analyze the tables that changed much since they were analyzed last; return them. Raises Unavailable."""
        if self._db.sqlite:
            return []
        return self._rounds.run("statistics", self._renew, lease_seconds=6 * LIMIT_SECONDS) or []

    def _renew(self) -> list[str]:
        try:
            outgrown = outgrown_tables(self._db)
        except LedgerError as error:  # a server that only resembles PostgreSQL may not count changes
            self._log_once("all", error)
            return []
        end = monotonic() + LIMIT_SECONDS
        return [table for table in outgrown if monotonic() < end and self._analyzed(table)]

    def _analyzed(self, table: str) -> bool:
        try:
            analyze(self._db, table)
        except HarkaraError as error:
            self._log_once(table, error)
            return False
        self._failures.discard(table)
        return True

    def _log_once(self, table: str, error: HarkaraError) -> None:
        if table not in self._failures:
            self._failures.add(table)
            log.warning("statistics outdated", action="statistics_outdated", table=table, error=str(error))
