"""Redis is emptied, killed, suspended or has invalid entries, and no message is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from harkara.backends.broker import ACCEPT, QUEUES, UPKEEP, Broker
from harkara.intake.producer import STREAM
from harkara.redis_client import connect
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.deployment import deployment, locked
from tests.acceptance.messages import CATEGORIES, new_messages

OUTAGE = 10.0
"""Seconds."""


@contextmanager
def emptied(server: ValkeyServer) -> Iterator[None]:
    connect(server.url, seconds=30).flushall()
    yield


@contextmanager
def killed(server: ValkeyServer) -> Iterator[None]:
    """Kill a server that stores nothing on disk, so that it starts empty."""
    server.kill()
    yield
    server.start()


@contextmanager
def silent(server: ValkeyServer) -> Iterator[None]:
    """Let the server accept connections without a reply."""
    with server.suspended():
        yield


@pytest.mark.parametrize(
    ("fault", "seconds", "database_url"),
    [
        (emptied, 0, "sqlite"),
        (killed, OUTAGE, "postgres"),
        (silent, OUTAGE, "sqlite"),
    ],
    indirect=["database_url"],
)
def test_sending_continues_after_redis_was(
    fault: Callable[[ValkeyServer], AbstractContextManager[None]],
    seconds: float,
    tmp_path: Path,
    redis_server: ValkeyServer,
    database_url: str,
) -> None:
    before, meanwhile = new_messages(160, ("reply", "utility", "marketing")), new_messages(40, CATEGORIES)
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS="8") as harkara:
        harkara.sandbox.set_faults(latency_ms=100)
        worker = harkara.start_worker()
        harkara.accept(before)
        harkara.wait_accepted(50)
        with fault(redis_server), harkara.direct_client(seconds=10) as client:
            end = time.monotonic() + seconds
            client.send_many(meanwhile)
            time.sleep(max(0.0, end - time.monotonic()))
        harkara.sandbox.reset_faults()
        assert worker.alive
        assert harkara.wait_settled(200) == {"accepted": 200}
        harkara.examine(before + meanwhile).assert_kept()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_intake_stream_survives_a_crash_of_redis_with_persistence(tmp_path: Path, database_url: str) -> None:
    envelopes = new_messages(100, CATEGORIES)
    with (
        valkey(appendonly="yes", appendfsync="always") as server,
        deployment(tmp_path, server, database_url) as harkara,
    ):
        with harkara.client() as client:
            client.send_many(envelopes)
        server.kill()
        server.start()
        harkara.start_worker()
        assert harkara.wait_settled(100) == {"accepted": 100}
        harkara.examine(envelopes).assert_kept()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_repeated_hints_and_invalid_tasks_in_the_queues_do_no_damage(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """A program with access to Redis can neither stop a worker, nor run code, nor read a message."""
    envelopes, secret = new_messages(20), "swordfish"
    with deployment(tmp_path, redis_server, database_url) as harkara:
        redis = connect(redis_server.url, seconds=30)
        redis.lpush(UPKEEP, f"no JSON, but {secret}")
        redis.xadd(STREAM, {"verb": "send", "data": secret})
        redis.xadd(STREAM, {"what": secret})
        with Celery(broker=redis_server.url, set_as_current=False) as other:
            for queue in QUEUES:
                other.send_task("harkara.of_another_release", args=[secret], queue=queue)
                other.send_task("harkara.send", args=[[secret]], queue=queue, serializer="pickle")
                other.send_task("harkara.send", kwargs={"of_another_release": secret}, queue=queue)
                other.send_task("harkara.enqueue", args=[{"message": secret}], queue=queue)
        harkara.accept(envelopes)
        broker = Broker.at(redis_server.url)
        for _ in range(5):
            broker.publish_hints([envelope.id for envelope in envelopes], urgent=False)
        broker.close()
        worker = harkara.start_worker(ready=False)
        harkara.wait_until(lambda: empty(redis) or not worker.alive, "the queues are emptied, or the worker ends")
        assert worker.alive
        assert harkara.wait_settled(20) == {"accepted": 20}
        harkara.examine(envelopes).assert_kept()
        harkara.wait_until(lambda: empty(redis) and not redis.xlen(STREAM), "the invalid entries are gone")
        assert [process.name for process in harkara.processes if secret in process.output()] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_task_that_celery_delivers_twice_is_one_message(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """A Celery app with a short visibility timeout restores tasks that a worker still holds, so Celery repeats them."""
    redis = connect(redis_server.url, seconds=30)
    settings = {"HARKARA_DATABASE_PATIENCE": "60"}
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        harkara.start_worker()
        with locked(tmp_path / "harkara.db"), Celery(broker=redis_server.url, set_as_current=False) as other:
            for envelope in new_messages(5):
                other.send_task("harkara.enqueue", args=[envelope.body()], queue=ACCEPT)
            harkara.wait_until(lambda: redis.hlen("unacked") == 5, "the worker holds them, and cannot store them")
            restore_unacknowledged(other)
            harkara.wait_until(lambda: redelivered(redis) == 5, "it holds each a second time")
        assert harkara.wait_settled(5) == {"accepted": 5}
        harkara.wait_until(lambda: redis.hlen("unacked") == 0, "both of each are done")
        assert harkara.states() == {"accepted": 5}
        assert harkara.sandbox.counts()["accepted"] == 5


def redelivered(redis: Redis) -> int:
    """Return how many tasks a worker holds that were delivered before."""
    return sum('"redelivered": true' in str(task) for task in redis.hvals("unacked"))


def restore_unacknowledged(other: Celery) -> None:
    other.conf.broker_transport_options = {"visibility_timeout": 0}
    with other.connection_for_read() as connection:
        channel: Any = connection.default_channel
        channel.qos.restore_visible(num=100)


def empty(redis: Redis) -> bool:
    return not any(redis.llen(queue) for queue in QUEUES)
