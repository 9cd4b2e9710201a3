"""`python -m workers.migrate`: migrates the database to the schema of this release, or to that of another one."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from config.ledger import open_database
from config.settings import settings
from harkara.errors import HarkaraError, Unavailable
from harkara.ledger import migrate
from workers.exit_status import ends_if_misconfigured


def main() -> None:
    """Exit with 78 for a wrong setting, and with 1 and the next step when the schema cannot be moved."""
    parser = ArgumentParser(prog="python -m workers.migrate", description=__doc__)
    parser.add_argument(
        "--to",
        metavar="REVISION",
        default=migrate.head(),
        help="the schema to migrate to, for example 0008; before a release is rolled back, that of the former release",
    )
    revision = parser.parse_args().to
    with ends_if_misconfigured():
        settings()
    migrate_to(revision)


def migrate_to(revision: str) -> None:
    """Migrate the database of the settings. Exits with 1 and the next step when that fails."""
    try:
        migrate.move(open_database(settings()), revision)
    except Unavailable as error:
        sys.exit(f"{error}: check HARKARA_DATABASE_URL, and whether the server runs")
    except HarkaraError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
