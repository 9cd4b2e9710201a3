"""`python -m workers.migrate`: migrates the database to the schema of this release, or to that of another one."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import TypeVar

from harkara.errors import HarkaraError, Unavailable
from harkara.ledger import migrate
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import OTHER_SCHEMA
from workers.exit_status import end_misconfigured, ends_if_misconfigured

with ends_if_misconfigured():  # `.env` is read when its module is imported
    from config.ledger import open_database
    from config.settings import settings

Answer = TypeVar("Answer")

WAIT_SECONDS = 1.0
"""Pause before another try with `--wait`."""


def main() -> None:
    """Exit with 78 for a wrong setting, and with 1 and the next step when the schema cannot be moved."""
    parser = ArgumentParser(prog="python -m workers.migrate", description=__doc__)
    parser.add_argument(
        "--to",
        metavar="REVISION",
        default=migrate.head(),
        help="the schema to migrate to, for example 0008; before a release is rolled back, that of the older release",
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 if the schema is not that of this release"
    )
    parser.add_argument(
        "--wait",
        action="store_true",
        help="wait for a database that does not answer and, with --check, until another process has migrated it",
    )
    options = parser.parse_args()
    with ends_if_misconfigured():
        settings()
    if options.check:
        check_schema(wait=options.wait)
    else:
        migrate_to(options.to, wait=options.wait)


def migrate_to(revision: str, *, wait: bool = False) -> None:
    """Migrate the database of the settings. Exits with 1 and the next step when that fails.

    With `wait`, it waits for a database that does not answer.
    """
    db = open_database(settings())
    try:
        _answered(db, lambda: migrate.move(db, revision), wait=wait)
        if notice := migrate.schema_state(db).notice:
            sys.stderr.write(f"{notice}\n")
    except HarkaraError as error:
        sys.exit(str(error))


def check_schema(*, wait: bool = False) -> None:
    """End if the database has not the schema of this release: with 1, and with 78 if no migration corrects it.

    With `wait`, it waits until another process has migrated the database.
    """
    db = open_database(settings())
    waiting: str | None = None
    while problem := _answered(db, lambda: migrate.schema_problem(db), wait=wait):
        if not problem.startswith(OTHER_SCHEMA):
            end_misconfigured(problem)
        if not wait:
            sys.exit(problem)
        waiting = _pause(problem, waiting)


def _answered(db: Database, query: Callable[[], Answer], *, wait: bool) -> Answer:
    """Return the answer of the database; it may have to wait for one. Exits with 1 and the next step."""
    waiting: str | None = None
    while True:
        try:
            return query()
        except Unavailable as error:
            problem = str(error)
            if not db.sqlite and problem.endswith(")"):  # it names the reason, and no next step
                problem += ": check HARKARA_DATABASE_URL, and whether the server runs"
        if not wait:
            sys.exit(problem)
        waiting = _pause(problem, waiting)


def _pause(problem: str, former: str | None) -> str:
    """Wait a moment, and print why unless it was the reason before."""
    if problem != former:
        sys.stderr.write(f"waiting: {problem}\n")
        sys.stderr.flush()
    time.sleep(WAIT_SECONDS)
    return problem


if __name__ == "__main__":
    main()
