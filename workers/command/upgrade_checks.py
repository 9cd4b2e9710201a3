"""Checks before an upgrade: what it would change, what its locks wait for, and which processes go on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harkara.health.check import Check
from harkara.ledger.database import Database
from harkara.ledger.identity import live_processes
from harkara.ledger.migrate import LOCK_SECONDS, PATIENCE_SECONDS, REGISTER
from harkara.ledger.pending_migrations import count_rows, oldest_transaction, pending_migrations
from harkara.ledger.previous_release import REVISION as PREVIOUS
from harkara.ledger.schema_state import SchemaState, head

LONG_SECONDS: Final = 10.0
"""An open transaction of this age may last: a backup, a report, a session that someone has left."""


def upgrade_checks(db: Database, state: SchemaState) -> Iterator[Check]:
    """Report what `python -m workers.migrate` would do to a database of an older release. Raises Unavailable."""
    yield Check("schema", False, "%(problem)s", {"problem": state.problem})
    pending = pending_migrations(state)
    rows = count_rows(db, {table for each in pending for table in each.tables})
    for each in pending if state.found else ():
        tables = ", ".join(f"{name} (about {rows[name]:,} rows)" if name in rows else name for name in each.tables)
        about = {"revision": each.revision, "about": each.about, "tables": tables or "no table that exists"}
        yield Check("migration %(revision)s", True, "%(about)s Alters %(tables)s.", about)
    yield from _lock_checks(db)
    if state.found and state.found >= REGISTER:
        yield from _process_checks(db, state.found)


def _lock_checks(db: Database) -> Iterator[Check]:
    if db.sqlite:
        return
    oldest = oldest_transaction(db)
    about = {"tries": LOCK_SECONDS, "patience": PATIENCE_SECONDS}
    if oldest is None or oldest.seconds < LONG_SECONDS:
        yield Check(
            "locks",
            True,
            "no transaction is open for long; a migration waits for a lock %(tries).0f s at a time, as do writes to "
            "its table, for up to %(patience).0f s",
            about,
        )
        return
    yield Check(
        "locks",
        False,
        "%(program)s has a transaction open for %(seconds).0f s; a migration begins anew every %(tries).0f s while it "
        "holds its locks, for up to %(patience).0f s: wait until it ends",
        about | {"program": oldest.program, "seconds": oldest.seconds},
    )


def _process_checks(db: Database, found: str) -> Iterator[Check]:
    names = ", ".join(each.name for each in live_processes(db))
    if not names:
        return
    about = {"names": names, "previous": PREVIOUS, "head": head()}
    if found < PREVIOUS:
        yield Check(
            "processes",
            False,
            "%(names)s may be of a release before the previous one, which does not work with the schema %(head)s: stop "
            "all processes before the migration",
            about,
        )
    else:
        yield Check("processes", True, "%(names)s go on during the migration: restart each one after it", about)
