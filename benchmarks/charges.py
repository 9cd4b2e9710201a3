"""What the sums by day add to the writing of a charge: the same statements with their triggers and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median

from sqlalchemy import Connection, text

from benchmarks.figure import Figure
from harkara.ledger.database import Database

STATEMENTS = 100
"""Statements in one transaction, whose commit is not measured."""

_CHARGES = text("""
WITH RECURSIVE n(n) AS (SELECT CAST(:first AS integer) UNION ALL SELECT n + 1 FROM n WHERE n < :last)
INSERT INTO charge (message_id, lane, day, at, category, template, campaign_id, currency, amount, fee, tax, credits,
    by_event)
SELECT 'job_' || n, 'default', '2026-03-30', '2026-03-30 10:00:00', 'marketing', 'sale', 'c1', 'INR',
    1018458, 50000, 20700, 0, false FROM n
""")


def charge_figures(db: Database, name: str, rounds: int) -> Iterator[Figure]:
    """Measure single charges and statements of 100; both ways take turns."""
    numbers = count()
    for each in (1, 100):
        found: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(rounds):
            for summed, times in found.items():
                with db.write() as tx, _triggers(tx.connection, summed):
                    times.append(_microseconds(tx.connection, each, numbers))
        what = f"{name}: a charge" + (f" in a statement of {each}" if each > 1 else "")
        yield Figure(f"{what}, with the sums by day", "µs", found[True])
        yield Figure(f"{what}, without", "µs", found[False])


def _microseconds(connection: Connection, each: int, numbers: Iterator[int]) -> float:
    """Return the median time of a statement for one of its charges."""
    times = []
    for _ in range(STATEMENTS):
        first = next(numbers) * 100
        start = time.perf_counter()
        connection.execute(_CHARGES, {"first": first, "last": first + each - 1})
        times.append(time.perf_counter() - start)
    return 1e6 * median(times) / each


@contextmanager
def _triggers(connection: Connection, enabled: bool) -> Iterator[None]:
    """Let the triggers of charges run, or not, until the end of the block."""
    if enabled:
        yield
    elif connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE charge DISABLE TRIGGER USER"))
        yield
        connection.execute(text("ALTER TABLE charge ENABLE TRIGGER USER"))
    else:
        query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'charge'")
        triggers = connection.execute(query).all()
        for trigger in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
        yield
        for trigger in triggers:
            connection.exec_driver_sql(trigger.sql)
