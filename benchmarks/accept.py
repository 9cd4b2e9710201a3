"""Accepting validated messages one by one and in bulk, through each backend and through the HTTP API."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from benchmarks.about import About
from benchmarks.environment import Environment
from benchmarks.figure import Figure, Target, at_least
from benchmarks.http_clients import message, post_all
from benchmarks.messages import recipient, text
from harkara import Client
from harness.ledger import migrated
from harness.valkey import valkey

BATCH = 500
CLIENTS = 16

ABOUT = About(
    "Accepting messages",
    "`Client.send` and `Client.send_many` validate each message and return when it is durable: the ledger has "
    "committed it to disk, or Redis has written it to its append-only file (`appendfsync always`). Backends take "
    "turns, each with an empty database. The clients of the HTTP API are threads that wait for each answer.",
    "the first message of a process, which opens the connections, and any work of the workers: none runs meanwhile. "
    "The callers of the HTTP API use the same two cores.",
)

OpenClient = Callable[[Environment], Iterator[Client]]


def measure(environment: Environment, quick: bool) -> list[Figure]:
    singles, bulk, rounds = (200, 2_000, 1) if quick else (1_000, 20_000, 3)
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in BACKENDS}
    http: list[float] = []
    for _ in range(rounds):
        for name, (open_client, _, _) in BACKENDS.items():
            with contextmanager(open_client)(environment) as client:
                client.send(text(0), to=recipient(0))  # opens the connection
                rates[name].append((_one_by_one(client, singles), _in_bulk(client, bulk)))
        http.append(_through_http(environment, 2 * singles))
    return [
        *(
            figure
            for name, (_, one, many) in BACKENDS.items()
            for figure in (
                Figure(f"{name}, one by one", "/s", [rate for rate, _ in rates[name]], one),
                Figure(f"{name}, in bulk of {BATCH}", "/s", [rate for _, rate in rates[name]], many),
            )
        ),
        Figure(f"HTTP API, PostgreSQL, {CLIENTS} clients", "/s", http, at_least(900)),
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


def _through_http(environment: Environment, number: int) -> float:
    with environment.deploy(appendfsync="always") as deployment:
        url = deployment.start_web()
        post_all(url, [message(n) for n in range(100)], CLIENTS)  # opens the connections to the services
        return post_all(url, [message(n) for n in range(100, 100 + number)], CLIENTS)


def _postgres(environment: Environment) -> Iterator[Client]:
    with Client(database_url=migrated(environment.create_database())) as client:
        yield client


def _postgres_and_hints(environment: Environment) -> Iterator[Client]:
    with valkey(appendonly="yes", appendfsync="always") as redis:
        with Client(redis.url, database_url=migrated(environment.create_database())) as client:
            yield client


def _sqlite(environment: Environment) -> Iterator[Client]:
    folder = environment.folder / uuid4().hex
    with Client(database_url=migrated(f"sqlite:///{folder / 'harkara.db'}")) as client:
        yield client


def _intake(environment: Environment) -> Iterator[Client]:
    with valkey(appendonly="yes", appendfsync="always") as redis, Client(redis.url) as client:
        yield client


ONE_BY_ONE, BULK = at_least(1_000), at_least(10_000)

BACKENDS: dict[str, tuple[OpenClient, Target | None, Target | None]] = {
    "PostgreSQL with hints": (_postgres_and_hints, ONE_BY_ONE, BULK),
    "PostgreSQL": (_postgres, None, None),
    "SQLite": (_sqlite, at_least(800), BULK),
    "Redis alone": (_intake, None, None),
}
"""With the goals of one by one and of bulk."""
