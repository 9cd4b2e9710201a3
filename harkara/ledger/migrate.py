"""Schema migrations: upgrade or downgrade a database, and check that it has a schema that this release works with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from harkara.errors import Conflict, Invalid
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import LockTimeout, OtherSchema, WrongEncoding, encoding_problem
from harkara.ledger.engines import server_encoding, unhurried
from harkara.ledger.identity import live_processes
from harkara.ledger.online_indexes import OnlineIndex, build_online
from harkara.ledger.previous_release import REVISION as PREVIOUS
from harkara.ledger.schema_state import SCRIPTS, SchemaState, head, read_revision, read_state, revisions, write_oldest

if TYPE_CHECKING:  # Alembic needs 12 MB, which every worker would keep for one check at its start
    from alembic.config import Config

__all__ = ["at_head", "downgrade", "head", "move", "revision", "revisions", "schema_problem", "schema_state", "upgrade"]

LOCK_SECONDS = 2.0
"""How long a migration waits for a lock at a time: all writes to the table wait behind it meanwhile."""

PATIENCE_SECONDS = 120.0
"""How long an upgrade begins anew when it does not get its locks, such as while a backup reads all tables."""

_PAUSE_SECONDS = 1.0
"""Between two attempts, in which the writes that have waited go on."""

REGISTER = "0009"
"""The revision since which the ledger knows the processes that run."""


def move(db: Database, wanted: str) -> None:
    """Upgrade or downgrade to the revision `wanted`, of four digits.

    A downgrade may delete what only the newer release knows. Raises Invalid for a revision that this release does not
    know, Conflict for a downgrade while processes run, and as `upgrade` does.
    """
    if wanted not in (known := revisions()):
        raise Invalid("revision", f"is unknown; this release knows {known[0]} to {known[-1]}")
    found = revision(db) or ""
    running = ", ".join(each.name for each in live_processes(db)) if found >= REGISTER else ""
    if found <= wanted or found > head():
        if running and found < PREVIOUS and wanted > found:
            raise Conflict(f"stop all processes: releases before the previous one do not work with {wanted}: {running}")
        upgrade(db, wanted)
        return
    if running:
        raise Conflict(f"stop all processes before a downgrade; these ran within the last 15 s: {running}")
    downgrade(db, wanted)


def upgrade(db: Database, revision: str = "head", *, patience: float = PATIENCE_SECONDS) -> None:
    """Run the missing migrations up to `revision`; safe to repeat, and from several processes at once.

    All run in one transaction. If it does not get a lock within LOCK_SECONDS, it is rolled back and begins anew, for
    `patience` seconds. Before it, PostgreSQL builds the indexes of large tables while workers write, for as long as
    that takes. A newer schema with which this release works stays as it is.

    Raises WrongEncoding for a database that cannot store every text, OtherSchema for another newer schema, LockTimeout,
    and Unavailable.
    """
    from alembic import command

    target = head() if revision == "head" else revision

    def run(connection: Connection) -> None:
        if problem := _encoding_problem(connection):
            raise WrongEncoding(problem)
        state = read_state(connection)
        if state.is_newer and (target != head() or state.problem):
            raise OtherSchema(state.problem or SchemaState(state.found).problem)
        if not state.is_newer:
            connection.rollback()  # the migrations have a transaction of their own
            if state.found is not None and state.found >= PREVIOUS:  # else no process runs
                build_online(connection, online_indexes([each for each in state.missing if each <= target]))
            command.upgrade(_config(connection, PREVIOUS if target == head() else target), target)

    _with_locks(db, run, patience)


def downgrade(db: Database, revision: str) -> None:
    """Undo the migrations after `revision`. Raises LockTimeout and Unavailable."""
    from alembic import command

    _with_locks(db, lambda connection: command.downgrade(_config(connection, revision), revision), PATIENCE_SECONDS)


def schema_problem(db: Database) -> str | None:
    """Return None for a database whose schema this release works with, else what is wrong and the next step.

    Raises Unavailable.
    """
    with db.connection() as connection:
        return _encoding_problem(connection) or read_state(connection).problem


def schema_state(db: Database) -> SchemaState:
    """Return which schema the database has. Raises Unavailable."""
    with db.connection() as connection:
        return read_state(connection)


def at_head(db: Database) -> bool:
    """Return whether the database has exactly the schema that this release expects. Raises Unavailable."""
    return revision(db) == head()


def revision(db: Database) -> str | None:
    """Return the revision of the database's schema; None for an empty database. Raises Unavailable."""
    with db.connection() as connection:
        return read_revision(connection)


def _with_locks(db: Database, run: Callable[[Connection], None], patience: float) -> None:
    """Run the migrations, and begin anew while they do not get their locks."""
    end = time.monotonic() + patience
    while True:
        try:
            with db.connection() as connection, unhurried(connection):
                return run(connection)
        except LockTimeout:
            if time.monotonic() > end:
                raise
        time.sleep(_PAUSE_SECONDS)


def online_indexes(missing: Sequence[str]) -> list[OnlineIndex]:
    """Return the indexes that these migrations find in a large table."""
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(SCRIPTS))
    modules = [scripts.get_revision(each).module for each in missing]
    return [index for module in modules for index in getattr(module, "ONLINE_INDEXES", ())]


def _encoding_problem(connection: Connection) -> str | None:
    if connection.dialect.name == "sqlite":
        return None  # whose texts are Unicode in every encoding
    return encoding_problem(server_encoding(connection))


def _config(connection: Connection, oldest: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["lock_seconds"] = LOCK_SECONDS
    config.attributes["finish"] = lambda: write_oldest(connection, oldest)
    return config
