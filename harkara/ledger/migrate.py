"""Schema migrations: upgrade or downgrade a database, and check that it has this release's schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from harkara.ledger.database import OTHER_SCHEMA, Database

if TYPE_CHECKING:  # Alembic needs 12 MB, which every worker would keep for one check at its start
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(db: Database, revision: str = "head") -> None:
    """Run the missing migrations up to `revision`; safe to repeat, and from several processes at once."""
    from alembic import command

    with db.connection() as connection:
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
    return None if at_head(db) else OTHER_SCHEMA


def at_head(db: Database) -> bool:
    """Return whether the database has exactly the schema that this release expects. Raises Unavailable."""
    with db.connection() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == head()


def head() -> str:
    """Return the newest revision: the number at the start of the last migration's file name."""
    return max(path.name.partition("_")[0] for path in _SCRIPTS.glob("versions/[0-9]*_*.py"))


def _config(connection: object) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
