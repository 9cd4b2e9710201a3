"""Schema migrations: upgrade or downgrade a database, and check that it has this release's schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from harkara.errors import Conflict, Invalid
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import OTHER_SCHEMA, OtherSchema, WrongEncoding, encoding_problem
from harkara.ledger.identity import live_processes

if TYPE_CHECKING:  # Alembic needs 12 MB, which every worker would keep for one check at its start
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"

_REGISTER = "0009"
"""The revision since which the ledger knows the processes that run."""


def move(db: Database, wanted: str) -> None:
    """Upgrade or downgrade to the revision `wanted`, of four digits.

    A downgrade may delete what only the newer release knows. Raises Invalid for a revision that this release does not
    know, Conflict for a downgrade while processes run, and as `upgrade` does.
    """
    if wanted not in (known := revisions()):
        raise Invalid("revision", f"is unknown; this release knows {known[0]} to {known[-1]}")
    found = revision(db) or ""
    if found <= wanted or _is_newer(found):
        upgrade(db, wanted)
        return
    if running := [each.name for each in live_processes(db)] if found >= _REGISTER else []:
        raise Conflict(f"stop all processes before a downgrade; these ran within the last 15 s: {', '.join(running)}")
    downgrade(db, wanted)


def upgrade(db: Database, revision: str = "head") -> None:
    """Run the missing migrations up to `revision`; safe to repeat, and from several processes at once.

    Raises WrongEncoding for a database that cannot store every text, OtherSchema for one of a newer release, and
    Unavailable.
    """
    from alembic import command

    with db.connection() as connection:
        if problem := _encoding_problem(connection):
            raise WrongEncoding(problem)
        if _is_newer(_revision(connection)):
            raise OtherSchema(_newer_schema())
        connection.rollback()  # the migrations have a transaction of their own
        command.upgrade(_config(connection), revision)


def downgrade(db: Database, revision: str) -> None:
    """Undo the migrations after `revision`."""
    from alembic import command

    with db.connection() as connection:
        command.downgrade(_config(connection), revision)


def schema_problem(db: Database) -> str | None:
    """Return None for a database with this release's schema, else what is wrong and the next step.

    Raises Unavailable.
    """
    with db.connection() as connection:
        if problem := _encoding_problem(connection):
            return problem
        revision = _revision(connection)
    if revision == head():
        return None
    return _newer_schema() if _is_newer(revision) else OTHER_SCHEMA


def at_head(db: Database) -> bool:
    """Return whether the database has exactly the schema that this release expects. Raises Unavailable."""
    return revision(db) == head()


def revision(db: Database) -> str | None:
    """Return the revision of the database's schema; None for an empty database. Raises Unavailable."""
    with db.connection() as connection:
        return _revision(connection)


def head() -> str:
    """Return the newest revision."""
    return revisions()[-1]


def revisions() -> list[str]:
    """Return all revisions: the numbers at the start of the migrations' file names."""
    return sorted(path.name.partition("_")[0] for path in _SCRIPTS.glob("versions/[0-9]*_*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _is_newer(revision: str | None) -> bool:
    return revision is not None and revision > head()


def _newer_schema() -> str:
    back = f"`python -m workers.migrate --to {head()}`"
    return f"the database has the schema of a newer release: run that release, or move the schema back with it: {back}"


def _encoding_problem(connection: Connection) -> str | None:
    if connection.dialect.name == "sqlite":
        return None  # whose texts are Unicode in every encoding
    return encoding_problem(str(connection.execute(text("SHOW server_encoding")).scalar()))


def _config(connection: object) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
