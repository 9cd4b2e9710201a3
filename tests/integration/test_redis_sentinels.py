"""A URL of sentinels leads every client to the primary, and after a failover to its successor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
import redis

from config import queue_elements
from config.redis_celery import RedisCelery
from harkara import AsyncClient, Client
from harkara.backends.broker import UPKEEP, Broker
from harkara.errors import Unavailable
from harkara.intake.producer import STREAM
from harkara.redis_client import connect
from harness.ports import free_port
from harness.refusing_redis import RefusingRedis, refusing_redis
from harness.sentinel import SERVICE, Sentinel, sentinel
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.certificates import self_signed
from tests.integration.tls_front import tls_front

TO = "9876543210"
PASSWORD, OTHER_PASSWORD = "p@ss,w/rd", "of;the:sentinel"


def quoted(password: str) -> str:
    return quote(password, safe="")


class Group(NamedTuple):
    """A primary and its replica with a sentinel, whose password is another one."""

    primary: ValkeyServer
    replica: ValkeyServer
    sentinel: Sentinel

    def url(self, password: str = OTHER_PASSWORD) -> str:
        """Return the URL; the first of its sentinels does not run."""
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{self.sentinel.port}"
        return f"sentinel://:{quoted(PASSWORD)}@{hosts}/{SERVICE}/3?sentinel_password={quoted(password)}"

    def fail_over(self) -> None:
        """Let the sentinel promote the replica; return when the former primary follows it."""
        with connect_to(self.sentinel, OTHER_PASSWORD) as admin, connect_to(self.primary) as former:
            wait_until(lambda: begins_failover(admin), 30, "the sentinel knows that the replica can be promoted")
            wait_until(lambda: former.info("replication")["role"] == "slave", 30, "the former primary follows")


def connect_to(server: ValkeyServer, password: str = PASSWORD) -> redis.Redis:
    return redis.Redis(port=server.port, db=3 * (password == PASSWORD), password=password, decode_responses=True)


def begins_failover(admin: Any) -> bool:
    with suppress(redis.ResponseError):  # it has not asked the replica yet
        admin.execute_command("SENTINEL", "FAILOVER", SERVICE)
        return True
    return False


def follows(replica: redis.Redis) -> bool:
    return bool(replica.info("replication").get("master_link_status") == "up")


@pytest.fixture
def group() -> Iterator[Group]:
    with ExitStack() as stack:
        primary, replica = (stack.enter_context(valkey(repl_diskless_sync_delay="0")) for _ in range(2))
        for server in (primary, replica):
            with connect(server.url, seconds=30) as admin:
                admin.config_set("masterauth", PASSWORD)
                admin.config_set("requirepass", PASSWORD)
        with connect_to(replica) as admin:
            admin.replicaof("127.0.0.1", str(primary.port))
            wait_until(lambda: follows(admin), 30, "the replica follows")
        running = stack.enter_context(sentinel(primary, f"sentinel auth-pass {SERVICE} {PASSWORD}"))
        with redis.Redis(port=running.port) as admin:
            wait_until(lambda: admin.execute_command("SENTINEL", "REPLICAS", SERVICE), 30, "the replica is known")
            admin.acl_setuser("default", enabled=True, passwords=[f"+{OTHER_PASSWORD}"])
        yield Group(primary, replica, running)


def test_every_client_finds_the_primary_and_after_a_failover_its_successor(group: Group) -> None:
    queue_elements.install(())
    url = group.url()
    app = RedisCelery("test", url, {}, set_as_current=False)
    broker = Broker.at(url)

    async def hand_over_from_a_loop() -> None:
        async with AsyncClient(url, seconds=5) as client:
            await client.send("hello", to=TO)
            await asyncio.to_thread(hand_over, group.primary, 1)
            await asyncio.to_thread(group.fail_over)
            await asyncio.to_thread(hand_over, group.replica, 2)
            while True:
                try:
                    await client.send("hello", to=TO)
                    return
                except Unavailable:
                    pass

    def hand_over(server: ValkeyServer, round: int) -> None:
        until_available(lambda: client.send("hello", to=TO))
        until_available(broker.notify_webhooks)
        app.send_task("any", queue="test")
        with connect_to(server) as admin:
            assert (admin.xlen(STREAM), admin.llen(UPKEEP), admin.llen("test")) == (1 + round, round, round)

    with Client(url, seconds=5) as client:
        asyncio.run(hand_over_from_a_loop())
    with connect_to(group.replica) as admin:
        assert admin.xlen(STREAM) == 4
    broker.close()
    app.close()


def until_available(call: Callable[[], object]) -> None:
    """A connection to the former primary fails once."""
    try:
        call()
    except Unavailable:
        call()


def test_without_a_sentinel_that_names_the_primary_a_call_says_so(group: Group) -> None:
    unknown = group.url().replace(SERVICE, "other")
    for url in (group.url("wrong"), unknown, f"sentinel://127.0.0.1:{free_port()}/{SERVICE}"):
        with Client(url, seconds=5) as client, pytest.raises(Unavailable, match="no sentinel names its primary"):
            client.send("hello", to=TO)

        async def send_from_a_loop(url: str = url) -> None:
            async with AsyncClient(url, seconds=5) as client:
                await client.send("hello", to=TO)

        with pytest.raises(Unavailable, match="no sentinel names its primary"):
            asyncio.run(send_from_a_loop())


class NamesPort(RefusingRedis):
    """Answers as a sentinel does that monitors a primary on a port of loopback."""

    port = 0

    def reply(self) -> bytes:
        return b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(self.port)), self.port)


def test_with_tls_both_the_sentinel_and_the_primary_are_verified(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, "IP:127.0.0.1")
    with (
        valkey() as server,
        tls_front(server.port, certificate) as primary,
        refusing_redis(NamesPort) as names,
        tls_front(names.server_address[1], certificate) as port,
    ):
        NamesPort.port = primary
        url = f"rediss+sentinel://127.0.0.1:{port}/{SERVICE}/0"
        with Client(url, seconds=5) as client, pytest.raises(Unavailable):
            client.send("hello", to=TO)
        with Client(f"{url}?ssl_ca_certs={quote(str(certificate))}", seconds=5) as client:
            client.send("hello", to=TO)
        with connect(server.url, seconds=30) as admin:
            assert admin.xlen(STREAM) == 1
