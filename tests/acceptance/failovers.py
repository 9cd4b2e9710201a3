"""Failovers of Redis and PostgreSQL under load, and what they cost: `python -m tests.acceptance.failovers`."""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import structlog

from harkara import Envelope
from harkara.redis_client import connect
from harness.host import LOOPBACK
from harness.ledger import migrated
from harness.postgres import PostgresServer, postgres, standby
from harness.sentinel import SERVICE, Sentinel, sentinel
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.acceptance.chaos import BATCH, send_until_accepted
from tests.acceptance.deployment import Deployment, deployment, unmigrated_deployment
from tests.acceptance.http_client import API_TOKENS, request
from tests.acceptance.messages import new_messages
from tests.acceptance.promises import Verdict
from tests.hosts.servers import DURABLE, FAST, follow

THREADS = 8
WORKERS = 2
MESSAGES = 240
COUNT, WINDOW = 200, 10.0
LIMIT = f"{COUNT}/{WINDOW:g}s"

SETTINGS = {"HARKARA_ALLOWANCE": LIMIT, "HARKARA_THREADS": str(THREADS), **API_TOKENS}

MOST_UNCERTAIN = WORKERS * THREADS
"""Messages that may be between POST and record at the moment of the fault."""

REPLICA = "replica"
"""The user of its replica on the primary."""


class Failover(NamedTuple):
    """What a failover cost, with the seconds until the promotion and the longest time without a POST after it."""

    verdict: Verdict
    refused: int
    """Responses with 429."""
    most_in_window: int
    promoted: float
    paused: float


Scenario = Callable[[Path], AbstractContextManager[tuple[Deployment, Callable[[], float]]]]
"""Runs a deployment, and yields it with the failover to cause, which returns the Unix time of the promotion."""


def run(folder: Path, scenario: Scenario, messages: int = MESSAGES) -> Failover:
    """Send by HTTP and by Redis while the failover happens; return its cost when every message has settled."""
    with scenario(folder) as (harkara, fail_over):
        harkara.sandbox.set_faults(limit=LIMIT)
        harkara.start_web(ready=False)
        workers = harkara.start_workers(WORKERS)
        sent: list[Envelope] = []
        application = Thread(target=send_all, args=(harkara, messages, sent), daemon=True)
        application.start()
        harkara.wait_accepted(messages // 5)
        began = time.time()
        promoted = fail_over()
        application.join(120)
        harkara.wait_supervised(messages, workers)
        assert all(worker.alive for worker in harkara.processes), "every process goes on by itself"
        counts = harkara.sandbox.counts(WINDOW)
        paused = longest_pause(harkara.sandbox.accepted_times(), promoted)
        most = counts["most_received_in_window"]
        return Failover(harkara.examine(sent), counts["refused"], most, promoted - began, paused)


def longest_pause(times: Sequence[float], since: float) -> float:
    """Return the longest time without a POST that was accepted, in seconds."""
    return max(later - earlier for earlier, later in pairwise([since, *(at for at in sorted(times) if at > since)]))


def send_all(harkara: Deployment, messages: int, sent: list[Envelope]) -> None:
    """Send by HTTP and by Redis in turn, and repeat each call until it is answered."""
    with harkara.client(replicas=replicas(harkara), seconds=3) as client:
        for number in range(messages // BATCH):
            batch = new_messages(BATCH, ("reply", "utility"))
            if number % 2:
                send_until_accepted(client, batch)
            else:
                batch = [send_by_http(harkara.web, envelope) for envelope in batch]
            sent += batch


def replicas(harkara: Deployment) -> int:
    return int("sentinel" in harkara.settings["HARKARA_REDIS_URL"])


def send_by_http(web: str, envelope: Envelope) -> Envelope:
    headers = {"Idempotency-Key": envelope.id, "Harkara-Category": str(envelope.category)}
    while True:
        try:
            response = request(f"{web}/send_message", envelope.body(), headers=headers)
        except (OSError, HTTPException):  # not ready, or its database is not
            time.sleep(0.2)
        else:
            return envelope.model_copy(update={"id": response["jobId"]})


class Redis(NamedTuple):
    """A primary, its replica and their sentinel."""

    primary: ValkeyServer
    replica: ValkeyServer
    sentinel: Sentinel

    def stop_replication(self) -> None:
        """Cut the replica off; return when it lacks a write of the primary."""
        with connect(self.primary.url, seconds=30) as primary, connect(self.replica.url, seconds=30) as replica:
            primary.acl_deluser(REPLICA)
            wait_until(lambda: replica.info("replication")["master_link_status"] == "down", 30, "it is cut off")
            wait_until(lambda: _offset(primary) > _offset(replica), 30, "it lacks a write")

    def wait_promoted(self) -> float:
        return wait_until(lambda: self.sentinel.primary()[1] == self.replica.port, 60, "the replica is promoted")

    def replicate_back(self) -> None:
        """Let the former primary follow: without a replica, no client with `replicas=1` could hand over."""
        follow(self.primary, self.replica)


def _offset(server: object) -> int:
    return int(server.info("replication")["master_repl_offset"])  # type: ignore[attr-defined]  # redis-py's types


@contextmanager
def behind_sentinels(folder: Path) -> Iterator[tuple[Deployment, Redis]]:
    with (
        valkey(LOOPBACK, **DURABLE) as primary,
        valkey(LOOPBACK, **DURABLE, masteruser=REPLICA, masterauth=REPLICA) as replica,
    ):
        with connect(primary.url, seconds=30) as admin:
            admin.acl_setuser(
                REPLICA, enabled=True, passwords=[f"+{REPLICA}"], commands=["+psync", "+replconf", "+ping"]
            )
        follow(replica, primary)
        with sentinel(primary, down_seconds=1) as watching:
            wait_until(lambda: watching.knows(0), 30, "the sentinel knows the replica")
            url = f"sentinel://127.0.0.1:{watching.port}/{SERVICE}/0"
            settings = SETTINGS | {"HARKARA_REDIS_URL": url}
            with deployment(folder, primary, f"sqlite:///{folder / 'harkara.db'}", **settings) as harkara:
                yield harkara, Redis(primary, replica, watching)


@contextmanager
def redis_killed(folder: Path) -> Iterator[tuple[Deployment, Callable[[], float]]]:
    """The primary of Redis is killed, and the replica that is promoted lacks its last writes."""
    with behind_sentinels(folder) as (harkara, redis):

        def fail_over() -> float:
            redis.stop_replication()
            redis.primary.kill()
            promoted = redis.wait_promoted()
            redis.primary.start()
            redis.replicate_back()
            return promoted

        yield harkara, fail_over


@contextmanager
def redis_suspended(folder: Path) -> Iterator[tuple[Deployment, Callable[[], float]]]:
    """The primary of Redis no longer answers, and its connections stay open."""
    with behind_sentinels(folder) as (harkara, redis):

        def fail_over() -> float:
            redis.stop_replication()
            with redis.primary.suspended():
                promoted = redis.wait_promoted()
                harkara.wait_accepted(harkara.sandbox.counts()["accepted"] + 1)
            redis.replicate_back()
            return promoted

        yield harkara, fail_over


@contextmanager
def with_standby(
    folder: Path, *, synchronous: bool = True, **settings: str
) -> Iterator[tuple[Deployment, PostgresServer, PostgresServer]]:
    """Run a deployment with a standby, for which its commits wait if it is `synchronous`."""
    with valkey(LOOPBACK, **DURABLE) as redis, postgres(*FAST) as primary, standby(primary, *FAST) as following:
        if synchronous:
            set_and_reload(primary, "synchronous_standby_names = '*'")
        migrated(primary.create_database("harkara"))
        url = f"postgresql://harkara@127.0.0.1:{primary.port},127.0.0.1:{following.port}/harkara"
        with unmigrated_deployment(folder, redis, url, **SETTINGS | settings) as harkara:
            yield harkara, primary, following


def set_and_reload(server: PostgresServer, setting: str) -> None:
    with server.connect() as admin:
        admin.execute(f"ALTER SYSTEM SET {setting}")
        admin.execute("SELECT pg_reload_conf()")


def wait_replayed(primary: PostgresServer, following: PostgresServer) -> None:
    """Return when the standby has every commit of the primary."""
    with primary.connect() as admin, following.connect() as reader:
        (written,) = admin.execute("SELECT pg_current_wal_lsn()::text").fetchall()[0]
        replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_until(lambda: reader.execute(replayed, [written]).fetchall()[0][0], 30, "the standby has every commit")


def stop_replication(following: PostgresServer) -> None:
    """Cut the standby off; return when it receives nothing more."""
    set_and_reload(following, "primary_conninfo = ''")
    with following.connect() as admin:
        wait_until(
            lambda: not admin.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchall(), 30, "the standby is cut off"
        )


@contextmanager
def postgres_switched(folder: Path) -> Iterator[tuple[Deployment, Callable[[], float]]]:
    """The primary of PostgreSQL is shut down, and its asynchronous standby, which has every commit, is promoted."""
    with with_standby(folder, synchronous=False) as (harkara, primary, following):

        def fail_over() -> float:
            primary.stop()  # it waits until the standby has everything
            following.promote()
            return time.time()

        yield harkara, fail_over


@contextmanager
def postgres_killed(folder: Path) -> Iterator[tuple[Deployment, Callable[[], float]]]:
    """The primary of PostgreSQL is killed, and its synchronous standby is promoted."""
    with with_standby(folder) as (harkara, primary, following):

        def fail_over() -> float:
            primary.kill()
            following.promote()
            return time.time()

        yield harkara, fail_over


SCENARIOS: tuple[tuple[str, Scenario], ...] = (
    ("Redis' primary killed, its replica lacks the last writes", redis_killed),
    ("Redis' primary suspended, its replica lacks the last writes", redis_suspended),
    ("PostgreSQL's primary killed, its synchronous standby promoted", postgres_killed),
    ("PostgreSQL's primary shut down, its asynchronous standby promoted", postgres_switched),
)


HEAD = (
    "failover",
    "messages",
    "lost",
    "twice in silence",
    "twice, flagged",
    "uncertain",
    "429",
    "promoted after",
    "no POST for",
)


def main() -> None:
    """Print a table of Markdown; exit with 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.failovers", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    runs = parser.parse_args().runs
    print(line(HEAD), line(["---"] * len(HEAD)), sep="\n")
    broken = False
    for name, scenario in SCENARIOS:
        results = []
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="harkara-failover-") as folder:
                results.append(run(Path(folder), scenario))
        print(row(name, results), flush=True)
        broken = broken or not all(each.verdict.kept and not each.refused for each in results)
    raise SystemExit(int(broken))


def row(name: str, results: Sequence[Failover]) -> str:
    verdicts = [each.verdict for each in results]
    cells = (
        name,
        sum(len(each.results) + len(each.missing) for each in verdicts),
        sum(len(each.lost) for each in verdicts),
        sum(len(each.unflagged_duplicates) for each in verdicts),
        sum(len(each.flagged_duplicates) for each in verdicts),
        sum(len(each.uncertain) for each in verdicts),
        sum(each.refused for each in results),
        seconds([each.promoted for each in results]),
        seconds([each.paused for each in results]),
    )
    return line(cells)


def seconds(values: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{each:.1f}" for each in (min(values), max(values)))
    return f"{'–'.join(ends)} s"


def line(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
