"""What a running process does when another release has migrated the database."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from harkara.ledger.database import Database
from harkara.ledger.migrate import schema_state

log = structlog.get_logger(__name__)


class SchemaWatch:
    """Logs a newer schema with which this release works, and ends the process at any other schema.

    A process of two releases back would write what the newer ones read otherwise.
    """

    def __init__(self, db: Database, end: Callable[[], object]) -> None:
        self._db = db
        self._end = end
        self._logged: str | None = None

    def check(self) -> None:
        """Raises Unavailable."""
        state = schema_state(self._db)
        if problem := state.problem:
            log.critical("process ended", action="other_schema", error=problem)
            self._end()
        elif (notice := state.notice) and notice != self._logged:
            self._logged = notice
            log.warning("newer schema found", action="newer_schema", error=notice)
