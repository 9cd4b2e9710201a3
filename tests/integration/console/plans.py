"""The plans of the queries of pages, as a database makes them for tables with a million rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.event import listen, remove

from harkara.ledger.database import Database
from harkara.ledger.tables import all_tables

SMALL = {
    *("alarm", "budget", "campaign", "console_session", "console_user", "dead_letter", "goal", "halt", "identity"),
    *("lease", "process", "spend_backfill", "spend_day", "spend_delta", "upload", "worker"),
}
"""Tables that stay small in a large deployment: with a row for a lane, a day, a person of the business or a process;
with what failed; and `spend_delta`, which a round empties every few seconds.
"""

BOUNDED = {"ix_message_lease"}
"""Indexes of few rows: the messages that workers hold."""

BY_TIME = {"ix_turn_lane_at"}
"""Indexes of which a page reads a range without a limit: the questions without an answer are those of a month."""

BACKLOG = {"ix_message_backlog", "ix_message_due"}
"""Indexes of what waits, of which a range of due times is a part: no history adds to it."""

ROWS, PARTIAL_ROWS = 1_000_000, 10_000

_TABLES = all_tables().tables
_PARTIAL = {
    str(index.name)
    for table in _TABLES.values()
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}

# From an ANALYZE of autovacuum meanwhile.
_LOCK = sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(sql.SQL(", ").join(map(sql.Identifier, _TABLES)))

# Whatever was analyzed before, by another test or by autovacuum.
_FORGET = (
    "DELETE FROM pg_statistic WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
)

_PRETEND = """
UPDATE pg_class SET relpages = greatest(pg_relation_size(oid) / 8192, 1), reltuples = CASE
    WHEN EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = pg_class.oid AND indpred IS NOT NULL) THEN %(partial)s
    ELSE %(rows)s END
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
"""

_ENDLESS = {"Sort", "Aggregate", "Hash", "WindowAgg", "SetOp", "Unique"}
"""Steps that read all of what is below them, whatever limit is above."""

_EQUAL = re.compile(r"(\w+)\)?(?:::\w+)? = ")
_RANGE = re.compile(r"(\w+)\)?(?:::\w+)? (?:<|>|<=|>=) ")
_SCAN = re.compile(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?$")


class Statements(dict[str, tuple[str, Any]]):
    """The queries that were run, each with the `page` that ran it first and its parameters."""

    page = ""


@contextmanager
def recorded(db: Database) -> Iterator[Statements]:
    """Record the queries on this ledger."""
    found = Statements()

    def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")) and "FROM" in statement:
            found.setdefault(statement, (found.page, parameters))

    engines = {db.engine, db._autocommit}
    for engine in engines:
        listen(engine, "before_cursor_execute", record)
    try:
        yield found
    finally:
        for engine in engines:
            remove(engine, "before_cursor_execute", record)


def whole_tables(db: Database, statements: Statements) -> Mapping[tuple[str, str], set[str]]:
    """Return, by page and query, the large tables that it reads as a whole."""
    read = _sqlite_tables if db.sqlite else _postgres_tables
    found = {
        (statements[statement][0], statement): tables & set(_TABLES) - SMALL
        for statement, tables in read(db, statements)
    }
    return {key: tables for key, tables in found.items() if tables}


def _sqlite_tables(db: Database, statements: Statements) -> Iterator[tuple[str, set[str]]]:
    """Without statistics SQLite takes every table for a large one (sqlite.org/optoverview.html)."""
    with db.connection() as connection:
        driver: Any = connection.connection.driver_connection
        for statement, (_, parameters) in statements.items():
            steps = driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            yield statement, set(_scanned(statement, [(parent, step) for _, parent, _, step in steps]))


def _scanned(statement: str, steps: list[tuple[int, str]]) -> Iterator[str]:
    sorted_queries = {parent for parent, step in steps if "TEMP B-TREE" in step}
    for parent, found in ((parent, _SCAN.match(step)) for parent, step in steps):
        if found is None:
            continue
        table, index = found.groups()
        # A table with numbers as ids is in their order.
        in_order = index or f"ORDER BY {table}.id" in statement
        if index not in _PARTIAL and not (in_order and "LIMIT" in statement and parent not in sorted_queries):
            yield table


def _postgres_tables(db: Database, statements: Statements) -> Iterator[tuple[str, set[str]]]:
    with psycopg.connect(db.url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        connection.execute(_LOCK)
        connection.execute(_FORGET)
        connection.execute(_PRETEND, {"rows": ROWS, "partial": PARTIAL_ROWS})
        connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL jit = off")
        # A small file is cheap to sort, so with bitmaps the planner would do without the order of an index.
        without, with_bitmaps = (_planned(connection, statements, bitmaps) for bitmaps in ("off", "on"))
        for statement in statements:
            yield statement, without[statement] & with_bitmaps[statement]
        connection.rollback()  # no other test sees these numbers


def _planned(connection: psycopg.Connection[Any], statements: Statements, bitmaps: str) -> dict[str, set[str]]:
    connection.execute(f"SET LOCAL enable_bitmapscan = {bitmaps}")
    found = {}
    for statement, (_, parameters) in statements.items():
        cursor: Any = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        found[statement] = set(_unbounded(cursor.fetchone()[0][0]["Plan"]))
    return found


def _unbounded(node: Any, limited: bool = False) -> Iterator[str]:
    """Yield the tables that a plan reads without a value in an index and without a limit."""
    kind = node["Node Type"]
    if "Relation Name" in node and not _conditional(node) and not (limited and not _filtered(node)):
        yield node["Relation Name"]
    below = kind not in _ENDLESS and (limited or kind == "Limit")
    for part in node.get("Plans", ()):
        yield from _unbounded(part, below)


def _filtered(node: Any) -> bool:
    """Return whether a step looks in a whole table for rows that may be few."""
    return "Filter" in node and node.get("Index Name") not in _PARTIAL


def _conditional(node: Any) -> bool:
    """Return whether a step finds its rows by a value in an index, or in each of several.

    A lane alone is no such value: most deployments have one. Nor is a range: a day has more rows in a larger ledger.
    """
    if node["Node Type"] in ("Bitmap Heap Scan", "BitmapOr"):
        return all(map(_conditional, node["Plans"]))
    condition, index = node.get("Index Cond", ""), node.get("Index Name")
    return (
        bool(set(_EQUAL.findall(condition)) - {"lane"})
        or index in BOUNDED | BY_TIME
        or (index in BACKLOG and bool(_RANGE.search(condition)))
        or any(map(_conditional, node.get("Plans", ())))
    )
