"""Indexes of large tables, which PostgreSQL builds before their migration, while workers read and write.

A migration is one transaction, in which an index can only be built while all writes to its table wait. A build beside
them is a statement of its own, so it precedes the migration, which then finds the index. If it is interrupted, it
leaves an index that no query uses, and the next run builds it anew.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from sqlalchemy import Connection, inspect, text

from harkara.ledger.engines import is_pooled


class OnlineIndex(NamedTuple):
    """A partial index of a table that may be large. A migration names its own in ONLINE_INDEXES."""

    name: str
    table: str
    columns: tuple[str, ...]
    where: str


SMALL_BYTES: Final = 16_000_000
"""A table of this size is small: its migration builds the index while writes wait, for less than a second."""

_IS_LARGE = text("SELECT pg_relation_size(to_regclass(:table)) > :bytes")

_PAUSE_SECONDS = 1.0
"""Between two looks at the build of another process."""

_IS_BUILDING = text("""
SELECT EXISTS (
    SELECT 1 FROM pg_stat_progress_create_index
    WHERE datname = current_database() AND relid = to_regclass(:table) AND pid <> pg_backend_pid()
)
""")
_IS_INVALID = text("""
SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid)
""")

_LIMITS = ("lock_timeout", "statement_timeout")


def has_index(connection: Connection, index: OnlineIndex) -> bool:
    """Return whether the table has the index."""
    return any(found["name"] == index.name for found in inspect(connection).get_indexes(index.table))


def build_online(connection: Connection, indexes: Collection[OnlineIndex], *, small_bytes: int = SMALL_BYTES) -> None:
    """Build these indexes in PostgreSQL, one after the other. Those of smaller tables are left to their migration.

    A build waits for each transaction that is open when it begins, and for builds of other processes. It takes a few
    seconds for a million rows. The connection must be in no transaction.
    Raises LockTimeout when two processes begin at the same moment, after which it can be repeated.
    """
    if not indexes or connection.dialect.name != "postgresql":
        return
    with _autocommit(connection):
        for index in indexes:
            if not connection.execute(_IS_LARGE, {"table": index.table, "bytes": small_bytes}).scalar():
                continue
            _build(connection, index)


def _build(connection: Connection, index: OnlineIndex) -> None:
    while connection.execute(_IS_BUILDING, {"table": index.table}).scalar():
        time.sleep(_PAUSE_SECONDS)
    if connection.execute(_IS_INVALID, {"name": index.name}).scalar():
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}"))
    columns = ", ".join(index.columns)
    connection.execute(
        text(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index.name} ON {index.table} ({columns}) WHERE {index.where}")
    )


@contextmanager
def _autocommit(connection: Connection) -> Iterator[None]:
    """Let each statement commit by itself meanwhile, and wait for as long as it must: no write waits behind it."""
    connection.execution_options(isolation_level="AUTOCOMMIT")
    limits = () if is_pooled(connection) else _LIMITS  # a pooler's session is shared, and has no limits of ours
    for name in limits:
        connection.execute(text(f"SET {name} = 0"))
    try:
        yield
        for name in limits:
            connection.execute(text(f"RESET {name}"))
    except BaseException:
        connection.invalidate()  # its session has no limits
        raise
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execution_options(isolation_level="READ COMMITTED")
