"""Whatever Redis answers, every process lives, says why it waits, and goes on when Redis works again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from redis import Redis

from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment
from tests.acceptance.http_client import request
from tests.acceptance.messages import new_messages
from tests.integration.ledger.steps import accept_messages

Fault = Callable[[Redis, ValkeyServer], AbstractContextManager[None]]


@contextmanager
def demoted(redis: Redis, server: ValkeyServer) -> Iterator[None]:
    """Make the server the replica of a server that does not exist."""
    redis.replicaof("127.0.0.1", "1")
    yield
    redis.replicaof("NO", "ONE")


@contextmanager
def full(redis: Redis, server: ValkeyServer) -> Iterator[None]:
    redis.config_set("maxmemory", 1)
    yield
    redis.config_set("maxmemory", 0)


@contextmanager
def forbidden(redis: Redis, server: ValkeyServer) -> Iterator[None]:
    redis.acl_setuser("default", enabled=True, categories=["-write"])
    yield
    redis.acl_setuser("default", enabled=True, categories=["+all"])


@contextmanager
def closed(redis: Redis, server: ValkeyServer) -> Iterator[None]:
    """Require a password, of each process at its next connection."""
    redis.config_set("requirepass", "secret")
    redis.client_kill_filter(_type="normal", skipme=True)
    yield
    redis.config_set("requirepass", "")


FAULTS: dict[Fault, str] = {
    demoted: "Redis: it is a replica and accepts no writes; let HARKARA_REDIS_URL lead to the primary",
    forbidden: "Redis: its user lacks a permission; allow the user all commands",
    closed: "Redis: it refuses the user or the password; correct them in HARKARA_REDIS_URL",
    full: "Redis: it is full until workers have drained it; start workers",
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_process_lives_whatever_redis_answers_and_goes_on(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    envelopes = new_messages(10 * len(FAULTS), ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS="8") as harkara:
        worker, beat, web = harkara.start_worker(ready=False), harkara.start_beat(), harkara.start_web()
        worker.wait_for_output("ready.")
        with connect(redis_server.url, seconds=30) as redis:
            for number, (fault, sentence) in enumerate(FAULTS.items()):
                with fault(redis, redis_server):
                    accept_messages(harkara.ledger, *envelopes[10 * number : 10 * number + 10])
                    worker.wait_for_output(sentence)
                    assert readiness(harkara.web)["redis"].startswith(sentence)
                done = 10 * number + 10
                assert harkara.wait_settled(done) == {"accepted": done}
                harkara.wait_until(lambda: not redis.llen("harkara.upkeep"), "the worker consumes again")
        assert [process.alive for process in (worker, beat, web)] == [True] * 3
        harkara.examine(envelopes).assert_kept()
        suspended = [line for line in worker.output().splitlines() if "work suspended" in line]
        for sentence in FAULTS.values():
            assert len([line for line in suspended if sentence in line]) == 1
        assert [process.name for process in (worker, beat, web) if "Traceback" in process.output()] == []


def readiness(web: str) -> Any:
    """Return what the HTTP API says of its services while it is not ready."""
    with pytest.raises(HTTPError) as refused:
        request(f"{web}/readyz")
    with refused.value as response:
        return json.load(response)
