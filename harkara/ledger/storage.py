"""Remove from the database's files what was deleted or replaced in its tables."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing
from typing import Any

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import DRIVER_ERRORS, translated


def clean_storage(db: Database, tables: Collection[str]) -> str | None:
    """Rewrite the files so that they have no old version of any row; return None, or why that is not complete.

    SQLite: the whole file is written anew, and the write-ahead log is emptied. PostgreSQL: the dead rows of these
    tables are removed, and their statistics, which contain frequent values, are taken anew; its write-ahead log has the
    old versions until it is recycled. Meanwhile other transactions wait: on SQLite for as long as the file is written.
    """
    try:
        with closing(db.engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            if db.sqlite:
                return _clean_sqlite(driver)
            _clean_postgres(driver, tables)
            return None
    except DRIVER_ERRORS as error:
        problem = translated(error)
        if isinstance(problem, Unavailable):
            return str(problem)
        raise problem from None


def _clean_sqlite(driver: Any) -> str | None:
    driver.execute("VACUUM")
    (busy, *_) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return "another process reads the write-ahead log at this moment" if busy else None


def _clean_postgres(driver: Any, tables: Collection[str]) -> None:
    driver.autocommit = True
    try:
        for table in sorted(tables):
            driver.execute(f'VACUUM (ANALYZE) "{table}"')
    finally:
        driver.autocommit = False
