"""Brings a database to the schema of this release, or tells that it is not there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from harkara.ledger.database import Database

if TYPE_CHECKING:  # Alembic takes 12 MB, which every worker would keep for one look at its start
    from alembic.config import Config

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(db: Database, revision: str = "head") -> None:
    """Runs the migrations that are missing; safe to call again, and from several processes at once."""
    from alembic import command

    with db.connection() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(db: Database, revision: str) -> None:
    """Takes back those after `revision`."""
    from alembic import command

    with db.connection() as connection:
        command.downgrade(_config(connection), revision)


def at_head(db: Database) -> bool:
    """Whether the database has exactly the schema that this release expects."""
    with db.connection() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == head()


def head() -> str:
    """The newest revision; the name of each file begins with its number."""
    return max(path.name.partition("_")[0] for path in _SCRIPTS.glob("versions/[0-9]*_*.py"))


def _config(connection: object) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
