"""What the processes report of themselves: their release, their newest migration, and the connections they need."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from harkara.ledger.database import Database
from harkara.ledger.identity import ALIVE_SECONDS
from harkara.ledger.tables import process

UNKNOWN = "an earlier release"
"""The release of a process that reports none."""


@dataclass(frozen=True, slots=True, order=True)
class ProcessReport:
    """A live process. The order is that of seniority. Processes of an earlier release report neither."""

    since: datetime
    name: str
    release: str | None
    revision: str | None
    connections: int | None

    @property
    def runs(self) -> str:
        """Its release in words, with its newest migration: a release may have several while it is not tagged."""
        return f"{self.release} (schema {self.revision})" if self.release else UNKNOWN


def live_reports(db: Database) -> list[ProcessReport]:
    """Return the reports of the processes that live, the senior ones first. Raises Unavailable and OtherSchema."""
    columns = (process.c.since, process.c.name, process.c.release, process.c.revision, process.c.connections)
    with db.read() as tx:
        alive = process.c.seen_at > tx.now - timedelta(seconds=ALIVE_SECONDS)
        return sorted(tx.load(ProcessReport, select(*columns).where(alive)))
