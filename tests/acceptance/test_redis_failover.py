"""A replica becomes the Redis of the deployment, without the last writes, and no message is lost or sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from harkara import Unavailable
from harkara.redis_client import connect
from harness.valkey import ValkeyServer, valkey
from harness.waiting import wait_until
from tests.acceptance.chaos import send_until_accepted
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.failover_proxy import FailoverProxy, failover_proxy
from tests.acceptance.messages import CATEGORIES, new_messages

COUNT, WINDOW = 60, 10.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
"""The margin of such a window, 100 ms, covers the delays of a busy host."""

THREADS = 8
BACKLOG = 100
SETTINGS = {"HARKARA_ALLOWANCE": LIMIT, "HARKARA_LEASE": "5", "HARKARA_THREADS": str(THREADS)}

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


class Pair:
    """A primary and its replica behind one address."""

    def __init__(self, primary: ValkeyServer, replica: ValkeyServer, proxy: FailoverProxy) -> None:
        self.primary = primary
        self.replica = replica
        self.proxy = proxy
        follow(replica, primary)

    def detach(self) -> None:
        """Promote the replica: it gets no further write of the primary, which still serves."""
        connect(self.replica.url, seconds=30).replicaof("NO", "ONE")

    def switch(self) -> None:
        """Let the address lead to the replica."""
        self.proxy.upstream = self.replica.port

    def missing_keys(self) -> set[str]:
        """Return the keys that only the primary has."""
        primary, replica = (connect(server.url, seconds=30) for server in (self.primary, self.replica))
        return set(primary.scan_iter()) - set(replica.scan_iter())


def follow(replica: ValkeyServer, primary: ValkeyServer) -> None:
    """Make a server the replica of another, and wait until it has its data."""
    connection = connect(replica.url, seconds=30)
    connection.replicaof("127.0.0.1", str(primary.port))

    def is_synchronized() -> bool:
        info = connection.info("replication")
        return bool(info["role"] == "slave" and info["master_link_status"] == "up")

    wait_until(is_synchronized, 60, "the replica has the primary's data")


@contextmanager
def pair(primary: ValkeyServer) -> Iterator[Pair]:
    with valkey(repl_diskless_sync_delay="0") as replica, failover_proxy(primary.port) as proxy:
        yield Pair(primary, replica, proxy)


def behind(folder: Path, redis: Pair, database_url: str) -> AbstractContextManager[Deployment]:
    """Return a deployment with a limit that knows only the address."""
    return deployment(folder, redis.primary, database_url, HARKARA_REDIS_URL=redis.proxy.url, **SETTINGS)


@ON_POSTGRES
def test_sending_continues_within_the_limit_on_a_replica_that_lacks_the_last_writes(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """The primary dies: the replica has fewer slots than were used, and hints that are outdated."""
    envelopes = new_messages(BACKLOG, ("reply", "utility", "authentication"))
    with pair(redis_server) as redis, behind(tmp_path, redis, database_url) as harkara:
        harkara.sandbox.set_faults(limit=LIMIT)
        workers = harkara.start_workers(2)
        harkara.accept(envelopes)
        wait_recorded(harkara, 40)
        redis.detach()
        connect(redis_server.url, seconds=30).set("written-after-the-promotion", 1)
        wait_recorded(harkara, 60)
        assert "written-after-the-promotion" in redis.missing_keys()
        redis.switch()
        redis.primary.kill()
        assert harkara.wait_supervised(BACKLOG, workers) == {"accepted": BACKLOG}
        harkara.examine(envelopes).assert_kept()
        assert_limit_held(harkara)


@ON_SQLITE
def test_processes_leave_a_primary_that_was_demoted_and_still_serves(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Their connections to it stay open, and it refuses every write on them."""
    before, after = new_messages(40, CATEGORIES), new_messages(30, CATEGORIES)
    with pair(redis_server) as redis, behind(tmp_path, redis, database_url) as harkara:
        harkara.sandbox.set_faults(limit=LIMIT)
        workers = harkara.start_workers(2)
        with harkara.client() as client:
            client.send_many(before)
            wait_recorded(harkara, 20)
            redis.detach()
            redis.switch()
            follow(redis.primary, redis.replica)
            with pytest.raises(Unavailable, match="is a replica"):
                client.send_many(after)
            client.send_many(after)
        assert harkara.wait_supervised(70, workers) == {"accepted": 70}
        harkara.examine(before + after).assert_kept()
        assert_limit_held(harkara)


@ON_SQLITE
def test_a_hand_over_that_no_replica_has_is_refused_and_its_repeat_is_one_message(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Without `replicas`, the messages that the primary alone has would be lost with it."""
    safe, refused = new_messages(20, CATEGORIES), new_messages(20, CATEGORIES)
    with pair(redis_server) as redis, behind(tmp_path, redis, database_url) as harkara:
        with harkara.client(replicas=1, seconds=10) as client:
            client.send_many(safe)
            redis.detach()
            with pytest.raises(Unavailable, match="0 of 1 replicas"):
                client.send_many(refused)
            redis.switch()
            redis.primary.kill()
            redis.primary.start()
            follow(redis.primary, redis.replica)
            send_until_accepted(client, refused)
        harkara.start_worker()
        assert harkara.wait_settled(40) == {"accepted": 40}
        harkara.examine(safe + refused).assert_kept()


def wait_recorded(harkara: Deployment, number: int) -> None:
    harkara.wait_until(lambda: harkara.states()["accepted"] >= number, f"{number} are recorded as accepted")


def assert_limit_held(harkara: Deployment) -> None:
    counts = harkara.sandbox.counts(WINDOW)
    assert counts["refused"] == 0
    assert counts["most_received_in_window"] <= COUNT
