"""Connections to Redis after a failover, and a Redis that deletes what it should keep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.exceptions import ReadOnlyError

from harkara import Client
from harkara.backends.broker import URGENT, Broker
from harkara.errors import Invalid, Unavailable
from harkara.intake.stream import Intake
from harkara.redis_client import connect, redis_errors
from harkara.redis_eviction import eviction_problem
from harkara.redis_loop_client import connect as connect_in_loop
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.acceptance.failover_proxy import FailoverProxy, failover_proxy


def demote(server: ValkeyServer) -> None:
    """Make the server a replica of one that does not exist; its connections stay open."""
    connect(server.url, seconds=30).replicaof("127.0.0.1", "1")


def connections_of(server: ValkeyServer, name: str) -> list[str]:
    clients: list[dict[str, str]] = connect(server.url, seconds=30).client_list()
    return [each["id"] for each in clients if each["name"] == name]


def write_by_command(client: redis.Redis) -> None:
    client.set("key", 2)


def write_by_transaction(client: redis.Redis) -> None:
    with client.pipeline(transaction=True) as pipe:
        pipe.set("key", 2)
        pipe.set("key", 3)
        pipe.execute()


def write_by_script(client: redis.Redis) -> None:
    client.eval("return redis.call('SET', KEYS[1], 2)", 1, "key")


@pytest.mark.parametrize("write", [write_by_command, write_by_transaction, write_by_script])
def test_a_connection_to_a_server_that_was_demoted_is_not_used_again(
    redis_server: ValkeyServer, write: Callable[[redis.Redis], None]
) -> None:
    with connect(f"{redis_server.url}?client_name=producer", seconds=30) as client:
        client.set("key", 1)
        (first,) = connections_of(redis_server, "producer")
        demote(redis_server)
        with pytest.raises(ReadOnlyError):
            write(client)
        assert client.get("key") == "1"
        assert connections_of(redis_server, "producer") != [first]


def test_hints_reach_the_successor_of_a_server_that_was_demoted(redis_server: ValkeyServer) -> None:
    with valkey() as successor, failover_proxy(redis_server.port) as proxy:
        broker = Broker.at(proxy.url)
        broker.publish_hints(["job_1"], urgent=True)
        demote(redis_server)
        proxy.upstream = successor.port
        with pytest.raises(Unavailable):
            broker.publish_hints(["job_2"], urgent=True)
        broker.publish_hints(["job_2"], urgent=True)
        assert broker.queue_depths()[URGENT] == 1
        broker.close()


def test_of_many_connections_to_a_server_that_does_not_answer_one_costs_a_timeout(redis_server: ValkeyServer) -> None:
    with valkey() as successor, failover_proxy(redis_server.port) as proxy, connect(proxy.url, seconds=6) as client:
        pool = client.connection_pool
        for each in [pool.get_connection() for _ in range(3)]:
            pool.release(each)
        with redis_server.suspended():
            proxy.upstream = successor.port
            with pytest.raises(redis.TimeoutError):
                client.ping()
            for each in [pool.get_connection() for _ in range(3)]:
                each.send_command("PING")
                assert each.read_response() == "PONG"
                pool.release(each)


def test_the_same_holds_in_an_event_loop(redis_server: ValkeyServer) -> None:
    async def use_three(client: Any) -> None:
        pool = client.connection_pool
        for each in [await pool.get_connection() for _ in range(3)]:
            await each.send_command("PING")
            assert await each.read_response() == "PONG"
            await pool.release(each)

    async def fail_over(proxy: FailoverProxy, port: int) -> None:
        async with connect_in_loop(proxy.url, seconds=6) as client:
            await use_three(client)
            with redis_server.suspended():
                proxy.upstream = port
                with pytest.raises(redis.TimeoutError):
                    await client.ping()
                await use_three(client)

    with valkey() as successor, failover_proxy(redis_server.port) as proxy:
        asyncio.run(fail_over(proxy, successor.port))


def test_an_error_of_redis_is_named_without_its_text(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=30) as client:
        client.set("secret", "text")
        with pytest.raises(Unavailable, match=r"another program uses Harkara's keys"), redis_errors():
            client.lpush("secret", "swordfish")
        client.acl_setuser("default", enabled=True, commands=["-del"])
        with pytest.raises(Unavailable, match=r"its user lacks a permission"), redis_errors():
            client.delete("secret")
        demote(redis_server)
        with pytest.raises(Unavailable, match=r"it is a replica and accepts no writes"), redis_errors():
            client.set("secret", "swordfish")


def test_an_append_is_complete_when_the_replicas_have_it(redis_server: ValkeyServer) -> None:
    with valkey(repl_diskless_sync_delay="0") as replica, connect(redis_server.url, seconds=30) as client:
        intake = Intake(client, replicas=1, replica_seconds=8)
        with pytest.raises(Unavailable, match="0 of 1 replicas of Redis have the message"):
            intake.append("send", ["{}"])
        follower = connect(replica.url, seconds=30)
        follower.replicaof("127.0.0.1", str(redis_server.port))
        wait_until(lambda: follower.info("replication")["master_link_status"] == "up", 30, "the replica is in step")
        client.delete("harkara:intake:bell")
        assert intake.append("send", ["{}"]) is True, "the caller must wake a worker"
        assert follower.xlen("harkara:intake") == 2
        assert intake.append("send", ["{}"]) is False
        with replica.suspended(), pytest.raises(Unavailable, match="0 of 1"):
            Intake(client, replicas=1, replica_seconds=0.2).append("send", ["{}"])


def test_a_full_redis_is_named_by_an_append_to_replicas_too(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=30) as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(Unavailable, match="it is full"):
            Intake(client, replicas=1).append("send", ["{}"])


@pytest.mark.parametrize("options", [{"replicas": -1}, {"replicas": 1, "database_url": "sqlite:///ledger.db"}])
def test_replicas_are_for_a_client_with_redis_alone(options: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="replicas"):
        Client("redis://127.0.0.1:1/0", **options)


@pytest.mark.parametrize(
    ("policy", "memory", "safe"),
    [
        ("noeviction", "50mb", True),
        ("volatile-lru", "50mb", True),
        ("allkeys-lru", "0", True),
        ("allkeys-lru", "50mb", False),
        ("allkeys-lfu", "50mb", False),
        ("allkeys-random", "50mb", False),
    ],
)
def test_only_a_server_that_may_delete_any_key_is_a_problem(policy: str, memory: str, safe: bool) -> None:
    with valkey(maxmemory=memory, maxmemory_policy=policy) as server, connect(server.url, seconds=30) as client:
        problem = eviction_problem(client)
        assert (problem is None) is safe
        assert safe or f"maxmemory-policy {policy}" in str(problem)


def test_a_server_that_does_not_report_its_policy_counts_as_safe(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=30) as client:
        client.acl_setuser("default", enabled=True, commands=["-info"])
        assert eviction_problem(client) is None


def test_the_intake_of_such_a_server_accepts_requests_but_no_entry(redis_server: ValkeyServer) -> None:
    """A request has a caller who waits for its answer, so its loss is noticed."""
    with connect(redis_server.url, seconds=30) as client:
        client.config_set("maxmemory", "50mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        intake = Intake(client)
        with pytest.raises(Unavailable, match="set maxmemory-policy noeviction"):
            intake.append("send", ["{}"])
        intake.append("status", ["job_1"], "harkara:answer:1")
        assert intake.length() == 1
        client.config_set("maxmemory-policy", "noeviction")
        intake.append("send", ["{}"])
        assert intake.length() == 2
