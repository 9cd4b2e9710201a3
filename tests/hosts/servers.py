"""The servers of a deployment on their hosts: one PostgreSQL and one Valkey, or a pair with its successor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harkara.redis_client import connect
from harness.hosts import NetworkHost
from harness.ledger import migrated
from harness.postgres import PostgresServer, postgres, standby
from harness.sentinel import SERVICE, Sentinel, sentinel
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until

WORKERS = ("worker1", "worker2")
API = "web"
"""Hosts of processes, named as the kind of process on them."""

DURABLE = {"appendonly": "yes", "appendfsync": "always", "repl_diskless_sync_delay": "0"}
FAST = ("-c", "fsync=off")


@dataclass
class Servers:
    """The servers, and the URLs by which every process finds them."""

    redis: ValkeyServer
    database: PostgresServer
    redis_url: str
    database_url: str
    replica: ValkeyServer | None = None
    standby: PostgresServer | None = None
    sentinels: tuple[Sentinel, ...] = ()


@contextmanager
def plain(hosts: Mapping[str, NetworkHost]) -> Iterator[Servers]:
    """Run one server of each kind."""
    with (
        postgres(*FAST, host=hosts["postgres"]) as database,
        valkey(hosts["valkey"], **DURABLE) as redis,
    ):
        yield Servers(redis, database, redis.url, migrated(database.create_database("harkara")))


@contextmanager
def with_sentinels(hosts: Mapping[str, NetworkHost]) -> Iterator[Servers]:
    """Run a Valkey with a replica, and a sentinel on each of the hosts that have no server."""
    with plain(hosts) as servers, ExitStack() as stack:
        servers.replica = replica = stack.enter_context(valkey(hosts["replica"], **DURABLE))
        follow(replica, servers.redis)
        servers.sentinels = tuple(
            stack.enter_context(sentinel(servers.redis, host=hosts[name], quorum=2)) for name in (*WORKERS, API)
        )
        wait_until(lambda: all(each.knows(2) for each in servers.sentinels), 30, "the sentinels know each other")
        addresses = ",".join(f"{each.host.address}:{each.port}" for each in servers.sentinels)
        servers.redis_url = f"sentinel://{addresses}/{SERVICE}/0"
        yield servers


@contextmanager
def with_standby(hosts: Mapping[str, NetworkHost]) -> Iterator[Servers]:
    """Run a PostgreSQL whose commits wait for its standby."""
    with plain(hosts) as servers, standby(servers.database, *FAST, host=hosts["standby"]) as following:
        servers.standby = following
        with servers.database.connect() as admin:
            admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            admin.execute("SELECT pg_reload_conf()")
        both = ",".join(f"{each.host.address}:{each.port}" for each in (servers.database, following))
        servers.database_url = f"postgresql://harkara@{both}/harkara"
        yield servers


def follow(replica: ValkeyServer, primary: ValkeyServer) -> None:
    """Make a server the replica of another; return when it has its data."""
    with connect(replica.url, seconds=3) as admin:
        admin.replicaof(primary.host.address, str(primary.port))
        wait_until(lambda: admin.info("replication")["master_link_status"] == "up", 30, "the replica follows")
