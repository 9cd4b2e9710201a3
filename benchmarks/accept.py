"""Accepting validated messages one by one and in bulk, through each backend."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from benchmarks.environment import Environment
from benchmarks.figure import Figure, Goal, at_least
from benchmarks.messages import recipient, text
from harkara import Client
from harness.ledger import migrated
from harness.valkey import valkey

BATCH = 500
ONE_BY_ONE, BULK = at_least(800), at_least(15_000)

OpenClient = Callable[[Environment], Iterator[Client]]


def measure(environment: Environment, quick: bool) -> list[Figure]:
    """Let the backends take turns, each with an empty database."""
    singles, bulk, rounds = (200, 2_000, 1) if quick else (2_000, 20_000, 3)
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in BACKENDS}
    for _ in range(rounds):
        for name, (open_client, _, _) in BACKENDS.items():
            with contextmanager(open_client)(environment) as client:
                client.send(text(0), to=recipient(0))  # opens the connection
                rates[name].append((_one_by_one(client, singles), _in_bulk(client, bulk)))
    return [
        figure
        for name, (_, one, many) in BACKENDS.items()
        for figure in (
            Figure(f"{name}, one by one", "/s", [rate for rate, _ in rates[name]], one),
            Figure(f"{name}, in bulk of {BATCH}", "/s", [rate for _, rate in rates[name]], many),
        )
    ]


def _one_by_one(client: Client, number: int) -> float:
    start = time.perf_counter()
    for n in range(1, number + 1):
        client.send(text(n), to=recipient(n))
    return number / (time.perf_counter() - start)


def _in_bulk(client: Client, number: int) -> float:
    start = time.perf_counter()
    for first in range(100_000, 100_000 + number, BATCH):
        client.send_many([client.envelope(text(n), to=recipient(n)) for n in range(first, first + BATCH)])
    return number / (time.perf_counter() - start)


def _postgres(environment: Environment) -> Iterator[Client]:
    with Client(database_url=migrated(environment.create_database())) as client:
        yield client


def _postgres_and_hints(environment: Environment) -> Iterator[Client]:
    with valkey(appendonly="yes", appendfsync="always") as redis:
        with Client(redis.url, database_url=migrated(environment.create_database())) as client:
            yield client


def _sqlite(environment: Environment) -> Iterator[Client]:
    folder = Path(environment.folder) / uuid4().hex
    with Client(database_url=migrated(f"sqlite:///{folder / 'harkara.db'}")) as client:
        yield client


def _intake(environment: Environment) -> Iterator[Client]:
    with valkey(appendonly="yes", appendfsync="always") as redis, Client(redis.url) as client:
        yield client


BACKENDS: dict[str, tuple[OpenClient, Goal | None, Goal | None]] = {
    "ledger backend, PostgreSQL": (_postgres, ONE_BY_ONE, BULK),
    "ledger backend, PostgreSQL, with hints": (_postgres_and_hints, None, None),
    "ledger backend, SQLite": (_sqlite, ONE_BY_ONE, BULK),
    "intake stream": (_intake, None, None),
}
"""With the goals of one by one and of bulk."""
