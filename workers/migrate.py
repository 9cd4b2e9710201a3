"""`python -m workers.migrate`: brings the database to the schema of this release."""

from __future__ import annotations

import sys

from config import wiring
from harkara.errors import Unavailable
from harkara.ledger import migrate


def main() -> None:
    try:
        migrate.upgrade(wiring.database())
    except Unavailable as error:
        sys.exit(f"{error}: is HARKARA_DATABASE_URL right, and the server running?")


if __name__ == "__main__":
    main()
