"""A race: the same messages through each contestant, from the first POST until every outcome is durable."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from benchmarks.api import Api, stand_in
from benchmarks.ground import WORKERS, Ground, messages
from benchmarks.letters import recipient
from benchmarks.usage import Commands, Watch
from harness.process import Process
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until

PATIENCE = 180.0
"""Seconds that one contestant may take."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One contestant's run: rate, and what its worker processes cost."""

    jobs_per_second: float
    cpu_per_thousand: float
    megabytes: float
    redis_commands: float
    api_cpu_ms: float
    """The stand-in's own, for each request."""


def harkara(ground: Ground, number: int) -> Lap:
    """A backlog in the ledger, two workers as deployed."""
    with ground.harkara() as harkara:
        with harkara.client() as client:
            client.send_many(messages(number))
        lap = _lap(
            harkara.api,
            harkara.valkey.url,
            number,
            start=lambda: harkara.start_workers(ready=False),
            recorded=lambda: harkara.states()["accepted"],
        )
        harkara.check()
        return lap


CELERY = ["celery", "-A", "benchmarks.contestants.celery_task", "worker", "--loglevel", "WARNING"]
CELERY += ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def celery(ground: Ground, number: int) -> Lap:
    each = [[*CELERY, "-n", f"contestant-{n}@%h"] for n in range(WORKERS)]
    return _rival(ground, number, ["benchmarks.contestants.celery_task", str(number)], each)


def paced_celery(ground: Ground, number: int, per_second: int) -> list[float]:
    """Seconds from the call to the POST of each of its messages, handed over one by one to workers that are idle."""
    with _stage(ground, appendfsync="always") as (api, _redis, start):
        for n in range(WORKERS):
            start(f"worker-{n}", [*CELERY, "-n", f"contestant-{n}@%h"])
        warm, total = 5 * per_second, 5 * per_second + number
        said = start("hand-over", ["benchmarks.contestants.celery_task", str(total), str(per_second)])
        wait_until(lambda: api.seen() >= total, PATIENCE, "every POST")
        said.popen.wait(PATIENCE)
        handed = [float(line) for line in said.output().split()]
        arrivals = api.arrivals()
        return [arrivals[recipient(n)] - handed[n] for n in range(warm, total)]


def taskiq(ground: Ground, number: int) -> Lap:
    worker = ["taskiq", "worker", "benchmarks.contestants.taskiq_task:broker"]
    worker += ["--workers", str(WORKERS), "--max-async-tasks", "64", "--log-level", "WARNING"]
    return _rival(ground, number, ["benchmarks.contestants.taskiq_task", str(number)], [worker])


def bare(ground: Ground, number: int) -> Lap:
    share = number // WORKERS
    each = [["benchmarks.contestants.bare", str(n * share), str(share)] for n in range(WORKERS)]
    return _rival(ground, number, ["benchmarks.contestants.bare"], each)


def _rival(ground: Ground, number: int, hand_over: Sequence[str], workers: Sequence[Sequence[str]]) -> Lap:
    """`hand_over` makes the table and fills the queue; all are modules with their arguments."""
    with _stage(ground) as (api, redis, start):
        filling = start("hand-over", hand_over)
        assert filling.popen.wait(PATIENCE) == 0, filling.output()
        with psycopg.connect(start.database.replace("+psycopg", ""), autocommit=True) as connection:
            return _lap(
                api,
                redis.url,
                number,
                start=lambda: [start(f"worker-{n}", words) for n, words in enumerate(workers)],
                recorded=lambda: _rows(connection),
            )


@dataclass(frozen=True, slots=True)
class _Start:
    """Starts a contestant's processes."""

    database: str
    places: dict[str, str]
    folder: Path
    processes: list[Process]

    def __call__(self, name: str, words: Sequence[str]) -> Process:
        self.processes.append(Process.start(name, [sys.executable, "-m", *words], self.places, self.folder))
        return self.processes[-1]


@contextmanager
def _stage(ground: Ground, appendfsync: str = "everysec") -> Iterator[tuple[Api, ValkeyServer, _Start]]:
    """What a contestant finds: an empty database, a Redis, the stand-in."""
    database = ground.database()
    redis_server = valkey(appendonly="yes", appendfsync=appendfsync)
    with TemporaryDirectory(dir=ground.folder) as folder, stand_in() as api, redis_server as redis:
        places = {"BENCH_API_URL": api.url, "BENCH_REDIS_URL": redis.url, "BENCH_DATABASE_URL": database}
        start = _Start(database, places, Path(folder), [])
        try:
            yield api, redis, start
        finally:
            for process in start.processes:
                process.kill()


def _lap(api: Api, redis_url: str, number: int, start: Callable[[], list[Process]], recorded: Callable[[], int]) -> Lap:
    """Raises TimeoutError when `number` outcomes are not recorded in time, AssertionError when one was sent twice."""
    commands = Commands(redis_url)
    idle_cpu = api.cpu_seconds()
    with Watch(worker.popen.pid for worker in start()) as watch:
        end = wait_until(lambda: recorded() >= number, PATIENCE, f"{number} outcomes", interval=0.2)
        sent = commands.since()
    posts = api.posts()
    assert len({post.to for post in posts}) == len(posts) == number, "every message was to be sent once"
    return Lap(
        jobs_per_second=number / (end - posts[0].at),
        cpu_per_thousand=watch.seconds(posts[0].at, end) / number * 1000,
        megabytes=watch.megabytes,
        redis_commands=sent / number,
        api_cpu_ms=(api.cpu_seconds() - idle_cpu) / number * 1000,
    )


def _rows(connection: psycopg.Connection) -> int:
    found = connection.execute("SELECT count(*) FROM outcome").fetchone()
    return int(found[0]) if found else 0
