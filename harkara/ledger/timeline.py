"""The timeline of PostgreSQL: a new one shows a promoted standby or a restored backup, which may lack commits."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.tables import identity
from harkara.ledger.transaction import Transaction

CURRENT: Final = "left(pg_walfile_name(pg_current_wal_lsn()), 8)"
"""SQL of the timeline of a server that accepts writes. It is the beginning of the name of each file of its write-ahead
log, eight hexadecimal digits (PostgreSQL documentation, "WAL Internals").
"""

_REFUSALS: Final = ("0A", "42", "55", "XX")
"""Classes of the SQLSTATEs with which a server refuses CURRENT: a managed service has no such log, or the user no right
to call the functions.
"""


class Timelines(NamedTuple):
    """The timeline of the server, and the one on which the ledger was last known to have every POST."""

    current: str
    stored: str | None

    @property
    def new(self) -> bool:
        """Whether the ledger may lack POSTs."""
        return self.stored not in (None, self.current)


def read_timelines(db: Database) -> Timelines | None:
    """Return the timelines; None on SQLite and where the server does not say its timeline. Raises Unavailable."""
    if db.has_timeline is False:
        return None
    with db.read() as tx:
        try:
            current = tx.execute(text(f"SELECT CASE WHEN NOT pg_is_in_recovery() THEN {CURRENT} END")).scalar()
        except DBAPIError as error:
            if not (getattr(error.orig, "sqlstate", None) or "").startswith(_REFUSALS):
                raise
            db.has_timeline = False
            return None
        if current is None:
            raise Unavailable("the database is read-only now and accepts no writes")
        db.has_timeline = True
        return Timelines(current, tx.execute(select(identity.c.timeline)).scalar())


def timelines_of(tx: Transaction) -> Timelines:
    """Return the timelines in a transaction that writes, on a server that says them, and lock the stored one."""
    stored = tx.execute(select(identity.c.timeline).with_for_update()).scalar()
    return Timelines(tx.execute(text(f"SELECT {CURRENT}")).scalar_one(), stored)


def store_timeline(db: Database) -> None:
    """Store the timeline of the server, whose ledger counts as complete now. Raises Unavailable."""
    if found := read_timelines(db):
        with db.write() as tx:
            write_timeline(tx, found.current)


def write_timeline(tx: Transaction, timeline: str) -> None:
    """Store the timeline, if it is not stored already."""
    tx.execute(update(identity).where(identity.c.timeline.is_distinct_from(timeline)).values(timeline=timeline))
