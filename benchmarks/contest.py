"""The same messages through each contestant, from the first POST until every outcome is durable."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.environment import WORKERS, Environment
from benchmarks.messages import envelopes, recipient
from benchmarks.resource_usage import CommandCounter, Usage, UsageSampler
from benchmarks.stand_in_client import StandIn, stand_in
from harness.postgres import driver_url
from harness.process import Process
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until

PATIENCE = 180.0
"""Seconds that one contestant may take."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a contestant: its rate, and what its processes use; CPU in seconds for 1,000 messages."""

    jobs_per_second: float
    worker_cpu: float
    total_cpu: float
    """Of the workers, PostgreSQL and Redis; Harkara's also has the client that hands the messages over."""
    megabytes: float
    redis_commands: float


def harkara(environment: Environment, number: int) -> Run:
    """Send a backlog of the ledger with two workers as deployed."""
    with environment.deploy() as deployment:
        services = [environment.postgres.pid, deployment.valkey.pid]
        before, client_before = Usage.now(services).seconds, time.process_time()
        with deployment.client() as client:
            client.send_many(envelopes(number))
        handed_over = time.process_time() - client_before + Usage.now(services).seconds - before
        run = _measure(
            deployment.api,
            deployment.valkey.url,
            services,
            number,
            start=lambda: deployment.start_workers(ready=False),
            recorded=lambda: deployment.states()["accepted"],
        )
        deployment.check()
        return replace(run, total_cpu=run.total_cpu + handed_over / number * 1000)


CELERY = ["celery", "-A", "benchmarks.contestants.celery_task", "worker", "--loglevel", "WARNING"]
CELERY += ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def celery(environment: Environment, number: int) -> Run:
    workers = [[*CELERY, "-n", f"contestant-{n}@%h"] for n in range(WORKERS)]
    return _run_contestant(environment, number, ["benchmarks.contestants.celery_task", str(number)], workers)


def celery_latencies(environment: Environment, number: int, per_second: int) -> list[float]:
    """Return the seconds from call to POST of each message, sent one by one to idle Celery workers."""
    with _set_up(environment, appendfsync="always") as (api, _redis, start):
        for n in range(WORKERS):
            start(f"worker-{n}", [*CELERY, "-n", f"contestant-{n}@%h"])
        warm_up, total = 5 * per_second, 5 * per_second + number
        producer = start("producer", ["benchmarks.contestants.celery_task", str(total), str(per_second)])
        wait_until(lambda: api.count_posts() >= total, PATIENCE, "every POST")
        producer.popen.wait(PATIENCE)
        called = [float(line) for line in producer.output().split()]
        arrivals = api.arrivals()
        return [arrivals[recipient(n)] - called[n] for n in range(warm_up, total)]


def taskiq(environment: Environment, number: int) -> Run:
    worker = ["taskiq", "worker", "benchmarks.contestants.taskiq_task:broker"]
    worker += ["--workers", str(WORKERS), "--max-async-tasks", "160", "--log-level", "WARNING"]
    return _run_contestant(environment, number, ["benchmarks.contestants.taskiq_task", str(number)], [worker])


def dramatiq(environment: Environment, number: int) -> Run:
    module = "benchmarks.contestants.dramatiq_task"
    worker = ["dramatiq", module, "--processes", str(WORKERS), "--threads", "32"]
    return _run_contestant(environment, number, [module, str(number)], [worker])


def bare(environment: Environment, number: int) -> Run:
    share = number // WORKERS
    workers = [["benchmarks.contestants.bare", str(n * share), str(share)] for n in range(WORKERS)]
    return _run_contestant(environment, number, ["benchmarks.contestants.bare"], workers)


def _run_contestant(
    environment: Environment, number: int, producer: Sequence[str], workers: Sequence[Sequence[str]]
) -> Run:
    """Run modules with their arguments: `producer` creates the table and fills the queue, then `workers` drain it."""
    with _set_up(environment) as (api, redis, start):
        filling = start("producer", producer)
        assert filling.popen.wait(PATIENCE) == 0, filling.output()
        with psycopg.connect(driver_url(start.database_url), autocommit=True) as connection:
            return _measure(
                api,
                redis.url,
                [environment.postgres.pid, redis.pid],
                number,
                start=lambda: [start(f"worker-{n}", arguments) for n, arguments in enumerate(workers)],
                recorded=lambda: _count_outcomes(connection),
            )


@dataclass(frozen=True, slots=True)
class _Starter:
    """Starts a contestant's processes."""

    database_url: str
    settings: dict[str, str]
    folder: Path
    processes: list[Process]

    def __call__(self, name: str, arguments: Sequence[str]) -> Process:
        self.processes.append(Process.start(name, [sys.executable, "-m", *arguments], self.settings, self.folder))
        return self.processes[-1]


@contextmanager
def _set_up(
    environment: Environment, appendfsync: str = "everysec"
) -> Iterator[tuple[StandIn, ValkeyServer, _Starter]]:
    """Give a contestant an empty database, a Redis and a stand-in."""
    database_url = environment.create_database()
    redis_server = valkey(appendonly="yes", appendfsync=appendfsync)
    with TemporaryDirectory(dir=environment.folder) as folder, stand_in() as api, redis_server as redis:
        settings = {"BENCH_API_URL": api.url, "BENCH_REDIS_URL": redis.url, "BENCH_DATABASE_URL": database_url}
        start = _Starter(database_url, settings, Path(folder), [])
        try:
            yield api, redis, start
        finally:
            for process in start.processes:
                process.kill()


def _measure(
    api: StandIn,
    redis_url: str,
    services: Sequence[int],
    number: int,
    start: Callable[[], list[Process]],
    recorded: Callable[[], int],
) -> Run:
    """Measure from the first POST to the last outcome; `services` are the process ids of PostgreSQL and Redis.

    Raises TimeoutError when outcomes are missing after `PATIENCE`, AssertionError when a message was sent twice.
    """
    commands = CommandCounter(redis_url)
    with UsageSampler(worker.popen.pid for worker in start()) as usage, UsageSampler(services) as beside:
        wait_until(lambda: api.count_posts() >= number, PATIENCE, f"{number} POSTs", interval=0.1)
        end = wait_until(lambda: recorded() >= number, PATIENCE, f"{number} outcomes", interval=0.02)
        sent = commands.count()
    posts = api.posts()
    assert len({post.to for post in posts}) == len(posts) == number, "every message was to be sent once"
    worker_cpu = usage.seconds(posts[0].at, end)
    return Run(
        jobs_per_second=number / (end - posts[0].at),
        worker_cpu=worker_cpu / number * 1000,
        total_cpu=(worker_cpu + beside.seconds(posts[0].at, end)) / number * 1000,
        megabytes=usage.megabytes,
        redis_commands=sent / number,
    )


def _count_outcomes(connection: psycopg.Connection) -> int:
    found = connection.execute("SELECT count(*) FROM outcome").fetchone()
    return int(found[0]) if found else 0
