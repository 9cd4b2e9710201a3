"""Schema migrations: upgrade or downgrade a database, and check that it has this release's schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from harkara.ledger.database import Database
from harkara.ledger.driver_errors import OTHER_SCHEMA, OtherSchema, WrongEncoding, encoding_problem

if TYPE_CHECKING:  # Alembic needs 12 MB, which every worker would keep for one check at its start
    from alembic.config import Config

NEWER_SCHEMA = "the database has the schema of a newer release: run that release, or restore a backup from before it"

_SCRIPTS = Path(__file__).parent / "migrations"


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
            raise OtherSchema(NEWER_SCHEMA)
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
    return NEWER_SCHEMA if _is_newer(revision) else OTHER_SCHEMA


def at_head(db: Database) -> bool:
    """Return whether the database has exactly the schema that this release expects. Raises Unavailable."""
    with db.connection() as connection:
        return _revision(connection) == head()


def head() -> str:
    """Return the newest revision: the number at the start of the last migration's file name."""
    return max(path.name.partition("_")[0] for path in _SCRIPTS.glob("versions/[0-9]*_*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _is_newer(revision: str | None) -> bool:
    return revision is not None and revision > head()


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
