"""Redis is emptied, killed, frozen, filled and fed garbage: it is the road, and nothing is lost with it."""

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
from harkara.intake.stream import STREAM
from harkara.redis_client import connect
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.deployment import deployment, locked
from tests.acceptance.mail import CATEGORIES, mails

AWAY = 10.0
"""Seconds."""

ACCEPTS_WITHIN = 3.0
"""Seconds for sixty messages into the ledger; Redis is asked once, and may take one of them."""


@contextmanager
def emptied(server: ValkeyServer) -> Iterator[None]:
    connect(server.url, seconds=3).flushall()
    yield


@contextmanager
def killed(server: ValkeyServer) -> Iterator[None]:
    """It keeps nothing on disk, so it comes back empty."""
    server.kill()
    yield
    server.start()


@contextmanager
def mute(server: ValkeyServer) -> Iterator[None]:
    """It accepts connections and never answers."""
    with server.suspended():
        yield


@contextmanager
def full(server: ValkeyServer) -> Iterator[None]:
    """It refuses every write."""
    redis = connect(server.url, seconds=3)
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    ("harm", "seconds", "database_url"),
    [(emptied, 0, "sqlite"), (killed, AWAY, "postgres"), (mute, AWAY, "sqlite"), (full, AWAY, "postgres")],
    indirect=["database_url"],
)
def test_a_drain_goes_on_when_redis_was(
    harm: Callable[[ValkeyServer], AbstractContextManager[None]],
    seconds: float,
    tmp_path: Path,
    redis_server: ValkeyServer,
    database_url: str,
) -> None:
    before, meanwhile = mails(300, ("reply", "utility", "marketing")), mails(60, CATEGORIES)
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS="8") as harkara:
        harkara.sandbox.faults(latency_ms=100)
        worker = harkara.start_worker()
        harkara.hand_over(before)
        harkara.wait_accepted(50)
        with harm(redis_server), harkara.direct_client(seconds=2) as client:
            over = time.monotonic() + seconds
            client.send_many(meanwhile)
            assert time.monotonic() - over + seconds < ACCEPTS_WITHIN
            time.sleep(max(0.0, over - time.monotonic()))
        harkara.sandbox.behave()
        if not worker.alive:
            harkara.start_worker()  # as its process manager does: Celery does not outlive a Redis that is full
        assert harkara.wait_settled(360) == {"accepted": 360}
        harkara.examine(before + meanwhile).assert_kept()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_lies_in_the_intake_is_as_durable_as_redis_disk(tmp_path: Path, database_url: str) -> None:
    handed_over = mails(200, CATEGORIES)
    with (
        valkey(appendonly="yes", appendfsync="always") as server,
        deployment(tmp_path, server, database_url) as harkara,
    ):
        with harkara.client() as client:
            client.send_many(handed_over)
        server.kill()
        server.start()
        harkara.start_worker()
        assert harkara.wait_settled(200) == {"accepted": 200}
        harkara.examine(handed_over).assert_kept()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_hints_may_come_twice_and_queues_hold_garbage(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Whoever writes to Redis can stop a worker, as Celery is made, but can neither run nor read anything."""
    letters, secret = mails(20), "swordfish"
    with deployment(tmp_path, redis_server, database_url) as harkara:
        redis = connect(redis_server.url, seconds=3)
        redis.lpush(UPKEEP, f"no JSON, but {secret}")
        redis.xadd(STREAM, {"verb": "send", "data": secret})
        redis.xadd(STREAM, {"what": secret})
        with Celery(broker=redis_server.url, set_as_current=False) as stranger:
            for queue in QUEUES:
                stranger.send_task("harkara.of_another_release", args=[secret], queue=queue)
                stranger.send_task("harkara.send", args=[[secret]], queue=queue, serializer="pickle")
                stranger.send_task("harkara.send", kwargs={"of_another_release": secret}, queue=queue)
                stranger.send_task("harkara.enqueue", args=[{"message": secret}], queue=queue)
        harkara.hand_over(letters)
        road = Broker.at(redis_server.url)
        for _ in range(5):
            road.publish_hints([letter.id for letter in letters], urgent=False)
        road.close()
        first = harkara.start_worker(ready=False)
        harkara.wait(lambda: empty(redis) or not first.alive, "the queues are emptied, or the worker ends")
        if not first.alive:
            harkara.start_worker()
        assert harkara.wait_settled(20) == {"accepted": 20}
        harkara.examine(letters).assert_kept()
        harkara.wait(lambda: empty(redis) and not redis.xlen(STREAM), "the garbage is gone")
        assert [process.name for process in harkara.processes if secret in process.output()] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_task_that_is_handed_out_twice_is_one_message(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """A stranger with a short visibility timeout takes for lost what a worker still holds, and Celery repeats it."""
    redis = connect(redis_server.url, seconds=3)
    patience = {"HARKARA_DATABASE_PATIENCE": "1"}
    with deployment(tmp_path, redis_server, database_url, **patience) as harkara:
        harkara.start_worker()
        with locked(tmp_path / "harkara.db"), Celery(broker=redis_server.url, set_as_current=False) as stranger:
            for letter in mails(5):
                stranger.send_task("harkara.enqueue", args=[letter.body()], queue=ACCEPT)
            harkara.wait(lambda: redis.hlen("unacked") == 5, "the worker holds them, and cannot store them")
            restore_what_is_held(stranger)
            harkara.wait(lambda: redis.hlen("unacked") == 10, "it holds each twice")
        assert harkara.wait_settled(5) == {"accepted": 5}
        harkara.wait(lambda: redis.hlen("unacked") == 0, "both of each are done")
        assert harkara.states() == {"accepted": 5}
        assert harkara.sandbox.counts()["accepted"] == 5


def restore_what_is_held(stranger: Celery) -> None:
    stranger.conf.broker_transport_options = {"visibility_timeout": 0}
    with stranger.connection_for_read() as connection:
        channel: Any = connection.default_channel
        channel.qos.restore_visible(num=100)


def empty(redis: Redis) -> bool:
    return not any(redis.llen(queue) for queue in QUEUES)
