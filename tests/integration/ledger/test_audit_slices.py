"""The audit reads a ledger in slices: it finds the same in them, and each reads a limited number of rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.event import listen, remove

from harkara.ledger.audit import Report, audit
from harkara.ledger.audit_rules import SECTIONS
from harkara.ledger.database import Database
from tests.integration.ledger.bulk import fill
from tests.integration.ledger.steps import accept_messages, reply, send_message
from tests.integration.ledger.test_search_plans import explained

LARGE = {"message", "attempt", "trace", "charge"}
MESSAGES, EACH = 1_500, 100
_OWNER = "CASE WHEN id LIKE 'copy%7' THEN 'gone' || substr(id, 5) ELSE id END"
_DAMAGE = (
    f"""INSERT INTO attempt (message_id, epoch, lane, weight, worker, gates, claimed_at, started_at, outcome)
    SELECT {_OWNER}, 2, lane, 1, 'worker', 'passed', created_at, created_at, 'accepted' FROM message""",
    f"INSERT INTO trace (message_id, at, event) SELECT {_OWNER}, created_at, 'delivered' FROM message",
    """INSERT INTO campaign (id, name, lane, kind, template, category, source, audience, error_share, state, created_at,
    changed_at) SELECT id, id, lane, 'kind', 'template', 'utility', 'file', 1, 0.1, 'finished', created_at, created_at
    FROM message WHERE id LIKE 'copy10%'""",
    """INSERT INTO spend_day (lane, day, category, template, campaign_id, currency, messages, free, credits, fee, tax,
    amount) SELECT substr(id, 1, 30), DATE('2026-11-30'), 'utility', '', '', 'INR', 1, 0, 0, 0, 0, 1 FROM message
    WHERE id LIKE 'copy10%'""",
)


def test_slices_find_what_the_audit_of_the_whole_ledger_finds(db: Database) -> None:
    damage(db, 300)
    slices: dict[str, int] = {}
    found = in_slices(db, 17, slices)
    assert found == by_rule(audit(db))
    assert len(found.findings) == 7
    assert slices["messages"] == 17 * (301 // 17 + 1)
    assert slices["campaigns"] == 17


def test_each_slice_reads_a_limited_number_of_rows(db: Database) -> None:
    """A rule that forgets its slice in one of the tables that it joins reads them as a whole."""
    damage(db, MESSAGES)
    if db.sqlite:
        with explained(db) as plans:
            in_slices(db, EACH, {})
        assert len(plans) > MESSAGES / EACH
        assert [plan for plan in plans if plan & LARGE] == []
        return
    with rows_read(db) as numbers:
        in_slices(db, EACH, {})
    assert len(numbers) > MESSAGES / EACH
    assert max(numbers) < 10 * EACH


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_no_slice_is_joined_row_by_row_when_one_row_is_expected(db: Database) -> None:
    """PostgreSQL expects one row of a slice, whatever its size, where the statistics of the keys are coarse."""
    damage(db, MESSAGES)
    with expecting_one_row(db), rows_read(db, "enable_sort") as numbers:  # it would find the end of a slice by sorting
        in_slices(db, EACH, {})
    assert len(numbers) > MESSAGES / EACH
    assert max(numbers) < 10 * EACH


@contextmanager
def expecting_one_row(db: Database) -> Iterator[None]:
    """Let PostgreSQL take each large table for one with a single row."""
    with db.write() as tx:
        names = ", ".join(f"'{table}'" for table in LARGE)
        tx.execute(text(f"UPDATE pg_class SET reltuples = 1 WHERE relname IN ({names})"))
    try:
        yield
    finally:
        analyze(db)


def damage(db: Database, messages: int) -> None:
    """Write messages that wait although Chat Mitra has answered and WhatsApp has delivered, and more damage."""
    sent = send_message(db, reply())
    (waiting,) = accept_messages(db, reply(1))
    fill(db, waiting, messages - 1)
    with db.write() as tx:
        for statement in _DAMAGE:
            tx.execute(text(statement))
    analyze(db)
    assert sent


def analyze(db: Database) -> None:
    with db.write() as tx:
        for table in LARGE:
            tx.execute(text(f"ANALYZE {table}"))


def in_slices(db: Database, rows: int, slices: dict[str, int]) -> Report:
    """Audit in slices of so many rows; `slices` gets what was reported last of each section."""
    return by_rule(audit(db, slices.__setitem__, sections=[each._replace(rows=rows) for each in SECTIONS]))


def by_rule(report: Report) -> Report:
    """Return the report without the order of what was found, of which it lists a part."""
    found = sorted((replace(each, ids=[]) for each in report.findings), key=lambda each: each.rule)
    return replace(report, findings=found)


@contextmanager
def rows_read(db: Database, *without: str, alone: bool = False) -> Iterator[list[float]]:
    """Collect how many rows PostgreSQL reads for each SELECT, when it prefers indexes as it does for large tables.

    `without` are more ways that it would not go with them, such as `enable_mergejoin`. `alone` adds the queries outside
    of transactions.
    """
    ways = ("enable_seqscan", *without)
    numbers: list[float] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and "FROM" in statement:
            driver = connection.connection.driver_connection
            for way in ways:
                driver.execute(f"SET {way} = off")
            (found,) = driver.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).fetchone()
            for way in ways:
                driver.execute(f"RESET {way}")
            numbers.append(max(_rows(found if isinstance(found, list) else json.loads(found)), default=0))

    engines = {db.engine, db._autocommit} if alone else {db.engine}
    for engine in engines:
        listen(engine, "before_cursor_execute", explain)
    try:
        yield numbers
    finally:
        for engine in engines:
            remove(engine, "before_cursor_execute", explain)


def _rows(node: Any) -> Iterator[float]:
    """Yield the rows that each scan of a plan has read."""
    if isinstance(node, list):
        for each in node:
            yield from _rows(each)
    elif isinstance(node, dict):
        if "Relation Name" in node:
            removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            yield (node["Actual Rows"] + removed) * node["Actual Loops"]
        for value in node.values():
            yield from _rows(value)
