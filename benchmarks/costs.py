"""What one step costs: CPU, statements, bytes of the write-ahead log, and commands of Redis."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import TextClause, text

from benchmarks.environment import Deployment
from benchmarks.figure import Figure
from benchmarks.resource_usage import CommandCounter, Usage
from harness.postgres import PostgresServer

STATISTICS = ("-c", "shared_preload_libraries=pg_stat_statements", "-c", "pg_stat_statements.max=10000")
"""Options of a PostgreSQL that counts statements."""

_COUNT = text("""
SELECT sum(calls) FROM pg_stat_statements JOIN pg_database ON oid = dbid
WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%' AND query NOT SIMILAR TO '(BEGIN|COMMIT)%'
""")
_WRITTEN = text("SELECT pg_current_wal_insert_lsn() - '0/0'")


@dataclass
class StepCost:
    """The cost of a step; CPU in seconds. `process` is that of the step's own process, 0.0 without one."""

    process: float = 0.0
    postgres: float = 0.0
    redis: float = 0.0
    statements: int = 0
    written: int = 0
    commands: int = 0

    def figures(self, step: str, process: str, number: float, per: str = "message") -> Iterator[Figure]:
        """Yield the cost of one of `number` messages, or seconds."""
        yield Figure(f"{step}: CPU of {process}", f"ms/{per}", [1000 * self.process / number])
        yield Figure(f"{step}: CPU of PostgreSQL", f"ms/{per}", [1000 * self.postgres / number])
        yield Figure(f"{step}: CPU of Redis", f"ms/{per}", [1000 * self.redis / number])
        yield Figure(f"{step}: SQL statements", f"/{per}", [self.statements / number])
        yield Figure(f"{step}: write-ahead log", f"bytes/{per}", [self.written / number])
        yield Figure(f"{step}: Redis commands", f"/{per}", [self.commands / number])


@contextmanager
def measured(deployment: Deployment, *pids: int) -> Iterator[StepCost]:
    """Measure what is done meanwhile, with the CPU of these processes as the step's own."""
    cost, commands = StepCost(), CommandCounter(deployment.valkey.url)
    before, written, statements = _usage(deployment, pids), _number(deployment, _WRITTEN), _number(deployment, _COUNT)
    yield cost
    after = _usage(deployment, pids)
    cost.process, cost.postgres, cost.redis = (end - start for start, end in zip(before, after, strict=True))
    cost.commands = commands.count()
    cost.written = _number(deployment, _WRITTEN) - written
    cost.statements = _number(deployment, _COUNT) - statements


def count_statements(server: PostgresServer, database_url: str) -> None:
    """Let the database count its statements. Raises psycopg.Error where the extension is not installed."""
    with server.connect(database_url.rpartition("/")[2]) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")


def _usage(deployment: Deployment, pids: tuple[int, ...]) -> tuple[float, float, float]:
    roots = (pids, [deployment.postgres.pid], [deployment.valkey.pid])
    own, postgres, redis = (Usage.now(each).seconds for each in roots)
    return own, postgres, redis


def _number(deployment: Deployment, query: TextClause) -> int:
    with deployment.ledger.connect() as connection:
        return int(connection.execute(query).scalar() or 0)
