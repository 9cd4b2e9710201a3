"""Commands to Redis that are sent without waiting: each arrives, and a failure is known with the next one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import cast

import pytest
import redis
from redis.exceptions import ConnectionError, OutOfMemoryError, ReadOnlyError, TimeoutError

from harkara.backends.broker import SEND, URGENT, Broker
from harkara.redis_client import connect
from harkara.unawaited_commands import UnawaitedCommands
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.acceptance.failover_proxy import failover_proxy


@pytest.fixture
def commands(redis_server: ValkeyServer) -> Iterator[UnawaitedCommands]:
    with closing(commands_of(redis_server.url)) as commands:
        yield commands


def commands_of(url: str, seconds: float = 30) -> UnawaitedCommands:
    return UnawaitedCommands(connect(f"{url}?client_name=unawaited", seconds=seconds).connection_pool)


def pushed(server: ValkeyServer) -> list[str]:
    with connect(server.url, seconds=30) as client:
        return cast("list[str]", client.lrange("list", 0, -1))


def wait_for(server: ValkeyServer, *values: str) -> None:
    wait_until(lambda: pushed(server) == list(values), 60, "the commands that were sent")


def test_commands_arrive_in_order_through_one_connection(
    redis_server: ValkeyServer, commands: UnawaitedCommands
) -> None:
    for n in range(100):
        commands.send("RPUSH", "list", str(n))
    wait_for(redis_server, *map(str, range(100)))
    with connect(redis_server.url, seconds=30) as client:
        assert [each["name"] for each in client.client_list()].count("unawaited") == 1


def test_the_last_command_arrives_although_the_program_ends(redis_server: ValkeyServer) -> None:
    for n in range(20):
        if not (child := os.fork()):
            commands_of(redis_server.url).send("RPUSH", "list", str(n))
            os._exit(0)  # closes the connection without reading the answer
        assert os.waitpid(child, 0)[1] == 0
        wait_for(redis_server, *map(str, range(n + 1)))


def test_threads_use_connections_of_their_own(redis_server: ValkeyServer, commands: UnawaitedCommands) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: commands.send("RPUSH", "list", str(n)), range(400)))
    wait_until(lambda: sorted(map(int, pushed(redis_server))) == list(range(400)), 60, "every command")


def test_a_forked_process_does_not_use_the_connections_of_its_parent(
    redis_server: ValkeyServer, commands: UnawaitedCommands
) -> None:
    commands.send("RPUSH", "list", "parent")
    wait_for(redis_server, "parent")
    if not (child := os.fork()):
        commands.send("RPUSH", "list", "child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    wait_for(redis_server, "parent", "child")
    commands.send("RPUSH", "list", "parent again")
    wait_for(redis_server, "parent", "child", "parent again")


def test_a_forked_process_that_closes_reads_no_answer_of_its_parent(
    redis_server: ValkeyServer, commands: UnawaitedCommands
) -> None:
    commands.send("RPUSH", "list", "parent")
    wait_for(redis_server, "parent")
    if not (child := os.fork()):
        commands.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    commands.send("RPUSH", "list", "parent again")  # fails if its answer was taken
    wait_for(redis_server, "parent", "parent again")


def test_a_refused_command_is_known_with_the_next_which_is_sent(
    redis_server: ValkeyServer, commands: UnawaitedCommands
) -> None:
    with connect(redis_server.url, seconds=30) as client:
        client.config_set("maxmemory", 1)
        commands.send("RPUSH", "list", "refused")
        commands_of_others_are_done(redis_server)
        client.config_set("maxmemory", 0)
    with pytest.raises(OutOfMemoryError):
        commands.send("RPUSH", "list", "taken")
    commands.send("RPUSH", "list", "too")
    wait_for(redis_server, "taken", "too")


def commands_of_others_are_done(server: ValkeyServer) -> None:
    """Wait until the server has read what other connections sent before."""
    with connect(server.url, seconds=30) as client:
        wait_until(
            lambda: all(each["cmd"] == "rpush" for each in client.client_list() if each["name"] == "unawaited"),
            60,
            "the command that was sent",
        )


def test_commands_reach_the_successor_of_a_server_that_was_demoted(redis_server: ValkeyServer) -> None:
    with valkey() as successor, failover_proxy(redis_server.port) as proxy, closing(commands_of(proxy.url)) as commands:
        commands.send("RPUSH", "list", "first")
        wait_for(redis_server, "first")
        with connect(redis_server.url, seconds=30) as client:
            client.replicaof("127.0.0.1", "1")
        proxy.upstream = successor.port
        commands.send("RPUSH", "list", "lost")
        with pytest.raises(ReadOnlyError):
            commands.send("RPUSH", "list", "second")
        wait_for(successor, "second")


def test_a_server_that_starts_again_gets_the_next_command(
    redis_server: ValkeyServer, commands: UnawaitedCommands
) -> None:
    commands.send("RPUSH", "list", "first")
    wait_for(redis_server, "first")
    redis_server.kill()
    with pytest.raises(ConnectionError):
        commands.send("RPUSH", "list", "refused")
    redis_server.start()
    commands.send("RPUSH", "list", "second")
    wait_for(redis_server, "second")
    redis_server.kill()
    redis_server.start()
    commands.send("RPUSH", "list", "third")
    wait_for(redis_server, "third")


def test_a_server_that_hangs_fails_the_command_within_the_time(redis_server: ValkeyServer) -> None:
    with closing(commands_of(redis_server.url, seconds=1)) as commands:
        commands.send("RPUSH", "list", "first")
        wait_for(redis_server, "first")
        with redis_server.suspended():
            commands.send("RPUSH", "list", "second")  # its answer is owed
            with pytest.raises(TimeoutError):
                commands.send("RPUSH", "list", "third")
        commands.send("RPUSH", "list", "fourth")
        wait_for(redis_server, "first", "second", "fourth")


@pytest.mark.parametrize(("urgent", "queue"), [(True, URGENT), (False, SEND)])
def test_an_unawaited_hint_is_an_ordinary_hint(
    valkey_server: ValkeyServer, redis_client: redis.Redis, urgent: bool, queue: str
) -> None:
    with closing(Broker.at(valkey_server.url)) as broker:
        broker.publish_hints(["job_1"], urgent=urgent)
        broker.publish_unawaited_hints(["job_1"], urgent=urgent)
    assert redis_client.llen(queue) == 2
