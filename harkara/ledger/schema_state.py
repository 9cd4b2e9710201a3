"""Which schema a database has, and whether a process of this release works with it.

Migrations only add, so the processes of one release work with the schema of the next one. The release that migrates
writes into the ledger down to which migration that holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from harkara.ledger.driver_errors import OTHER_SCHEMA

SCRIPTS: Final = Path(__file__).parent / "migrations"

_SINCE: Final = "0035"
"""The migration since which the ledger knows the oldest release that works with its schema."""


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The revision of the database, None for an empty one.

    If it is newer than this release, `oldest` is the newest migration of the oldest release that works with it.
    """

    found: str | None
    oldest: str | None = None

    @property
    def is_newer(self) -> bool:
        return self.found is not None and self.found > head()

    @property
    def is_usable(self) -> bool:
        """Whether a process of this release works with the schema."""
        return self.found == head() or (self.is_newer and self.oldest is not None and self.oldest <= head())

    @property
    def missing(self) -> list[str]:
        """The revisions of this release that the database lacks."""
        return [each for each in revisions() if self.found is None or each > self.found]

    @property
    def problem(self) -> str | None:
        """None for a usable schema, otherwise what is wrong and the next step."""
        if self.is_usable:
            return None
        if self.is_newer:
            return (
                f"the database has the schema of a newer release, {self.found}, and this release has {head()}: run "
                f"that release, or move the schema back with it: `python -m workers.migrate --to {head()}`"
            )
        has = f"it has {self.found}; missing: {', '.join(self.missing)}" if self.found else "it is empty"
        return f"{OTHER_SCHEMA} ({has})"

    @property
    def notice(self) -> str | None:
        """What an operator should know of a newer schema with which this release works."""
        if not (self.is_newer and self.is_usable):
            return None
        return (
            f"the database has the schema {self.found} of a newer release, and this process, with {head()}, works with "
            "it: finish the upgrade, or the rollback, soon"
        )


def read_state(connection: Connection) -> SchemaState:
    """Return the schema of the database."""
    found = read_revision(connection)
    if found is None or found <= head() or head() < _SINCE:
        return SchemaState(found)
    return SchemaState(found, connection.execute(text("SELECT oldest_revision FROM identity")).scalar())


def read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def write_oldest(connection: Connection, oldest: str) -> None:
    """Note the newest migration of the oldest release that works with the schema, if the schema has a place for it."""
    found = read_revision(connection)
    if found is not None and found >= _SINCE:
        connection.execute(text("UPDATE identity SET oldest_revision = :oldest"), {"oldest": oldest})


def head() -> str:
    """Return the newest revision."""
    return revisions()[-1]


@cache  # an upgrade may replace the files of a running process, which does not become the newer release by that
def revisions() -> list[str]:
    """Return all revisions: the numbers at the start of the migrations' file names."""
    return sorted(path.name.partition("_")[0] for path in SCRIPTS.glob("versions/[0-9]*_*.py"))
