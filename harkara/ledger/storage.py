"""Remove from the database's files what was deleted or replaced in its tables."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import Any, Final

from harkara.errors import Unavailable
from harkara.ledger.database import Database
from harkara.ledger.driver_errors import DRIVER_ERRORS, translated

PATIENCE_SECONDS: Final = 5.0
"""How long to wait for transactions that began earlier: only then can VACUUM remove the rows that they see."""

_HOLDERS = """
SELECT coalesce(nullif(application_name, ''), 'a program') FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database() AND age(backend_xmin) > age(%s::text::xid)
ORDER BY age(backend_xmin) DESC LIMIT 1
"""

# ANALYZE leaves the statistics of an empty table as they are, and a new type, also the same one, deletes a column's.
_STALE = """
SELECT attname, format_type(atttypid, atttypmod) FROM pg_stats
JOIN pg_attribute USING (attname) WHERE tablename = %s AND attrelid = %s::regclass
    AND (most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL)
"""


def clean_storage(db: Database, tables: Collection[str], *, patience: float = PATIENCE_SECONDS) -> str | None:
    """Rewrite the files so that they have no old version of any row; return None, or why that is not complete.

    SQLite: the whole file is written anew, and the write-ahead log is emptied. PostgreSQL: the dead rows of these
    tables are removed, and their statistics, which contain values, are taken anew; its write-ahead log has the old
    versions until it is recycled. Meanwhile other transactions wait: on SQLite for as long as the file is written.
    """
    try:
        with closing(db.engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            if db.sqlite:
                return _clean_sqlite(driver)
            return _clean_postgres(driver, tables, patience)
    except DRIVER_ERRORS as error:
        problem = translated(error)
        if isinstance(problem, Unavailable):
            return str(problem)
        raise problem from None


def _clean_sqlite(driver: Any) -> str | None:
    driver.execute("VACUUM")
    (busy, *_) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return "another process reads the write-ahead log at this moment" if busy else None


def _clean_postgres(driver: Any, tables: Collection[str], patience: float) -> str | None:
    with _autocommit(driver), _warnings(driver) as warnings:
        holder = _wait_for_earlier_transactions(driver, patience)
        for table in sorted(tables):
            driver.execute(f'VACUUM (ANALYZE) "{table}"')
            if not (warnings or holder) and driver.execute(f'SELECT NOT EXISTS (SELECT FROM "{table}")').fetchone()[0]:
                _forget_statistics(driver, table)
    if warnings:  # such as for a user who does not own the table
        return f"PostgreSQL: {warnings[0]}"
    return f"{holder} has a transaction open that still sees the old rows: repeat when it has ended" if holder else None


def _wait_for_earlier_transactions(driver: Any, patience: float) -> str | None:
    """Wait until no transaction sees the rows as they were; return the program of the oldest one that still does."""
    (now,) = driver.execute("SELECT pg_current_xact_id()::text").fetchone()
    end = time.monotonic() + patience
    while (found := driver.execute(_HOLDERS, [now]).fetchone()) and time.monotonic() < end:
        time.sleep(0.05)
    return found[0] if found else None


def _forget_statistics(driver: Any, table: str) -> None:
    """Delete the values in the statistics of an empty table. Meanwhile all others wait, so it waits briefly itself."""
    with driver.transaction():
        driver.execute("SET LOCAL lock_timeout = 500")
        for column, type_ in driver.execute(_STALE, [table, table]).fetchall():
            driver.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {type_}')


@contextmanager
def _autocommit(driver: Any) -> Iterator[None]:
    """VACUUM runs outside of transactions."""
    driver.autocommit = True
    try:
        yield
    finally:
        driver.autocommit = False


@contextmanager
def _warnings(driver: Any) -> Iterator[list[str]]:
    """Collect PostgreSQL's warnings: of what it skips, it says no more."""
    found: list[str] = []

    def note(notice: Any) -> None:
        if notice.severity_nonlocalized == "WARNING":
            found.append(notice.message_primary)

    driver.add_notice_handler(note)
    try:
        yield found
    finally:
        driver.remove_notice_handler(note)
