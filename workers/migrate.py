"""`python -m workers.migrate`: migrates the database to the schema of this release."""

from __future__ import annotations

import sys

from config.ledger import open_database
from config.settings import settings
from harkara.errors import HarkaraError, Unavailable
from harkara.ledger import migrate


def main() -> None:
    """Exit with 1 and the next step when the database does not answer."""
    try:
        migrate.upgrade(open_database(settings()))
    except Unavailable as error:
        sys.exit(f"{error}: check HARKARA_DATABASE_URL, and whether the server runs")
    except HarkaraError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
