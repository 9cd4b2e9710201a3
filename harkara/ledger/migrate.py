"""Brings a database to the schema of this release, or tells that it is not there."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from harkara.ledger.database import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(db: Database, revision: str = "head") -> None:
    """Runs the migrations that are missing; safe to call again, and from several processes at once."""
    with db.connection() as connection:
        command.upgrade(_config(connection), revision)


def downgrade(db: Database, revision: str) -> None:
    with db.connection() as connection:
        command.downgrade(_config(connection), revision)


def at_head(db: Database) -> bool:
    """Whether the database has exactly the schema that this release expects."""
    with db.connection() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current == ScriptDirectory.from_config(_config(None)).get_current_head()


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
