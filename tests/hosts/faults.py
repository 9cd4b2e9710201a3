"""The faults of a host, each as a context in which it lasts."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

from harkara.redis_client import connect
from harness.hosts import Loss, NetworkHost
from harness.valkey import ValkeyServer
from harness.waiting import wait_until
from tests.hosts.fleet import LATENCY_MS, THREADS, Fleet
from tests.hosts.servers import API, WORKERS, Servers, plain, with_sentinels, with_standby

SECONDS = 30.0
"""Duration of a fault."""

MOST_UNCERTAIN = len(WORKERS) * THREADS
"""Messages that may be between POST and record at one moment."""

SLOW, LOSSY = Loss(delay=0.2, share=0.05), Loss(share=0.05)
NOTHING = Loss(share=1.0)

Cause = Callable[[Fleet, Servers], AbstractContextManager[None]]


@dataclass(frozen=True)
class Fault:
    """A row of the table: what happens, on which servers, and how many messages may then be uncertain."""

    name: str
    cause: Cause
    servers: Callable[[Mapping[str, NetworkHost]], AbstractContextManager[Servers]] = plain
    uncertain: int = MOST_UNCERTAIN
    replicas: int = 0
    """Of the client of Redis."""
    clocks: Mapping[str, float | str] = field(default_factory=dict)
    """Seconds by which the clocks of hosts are ahead, or `~90` for one that is set forward and back."""


def cut_off(name: str) -> Cause:
    @contextmanager
    def cause(fleet: Fleet, servers: Servers) -> Iterator[None]:
        with fleet.hosts[name].cut_off():
            wait(fleet)
            yield

    return cause


def slow(name: str, outgoing: Loss, incoming: Loss) -> Cause:
    @contextmanager
    def cause(fleet: Fleet, servers: Servers) -> Iterator[None]:
        with fleet.hosts[name].slow(outgoing=outgoing, incoming=incoming):
            wait(fleet)
            yield

    return cause


@contextmanager
def power_off_in_mid_drain(fleet: Fleet, servers: Servers) -> Iterator[None]:
    """A host is stopped for maintenance, and loses power while its worker waits for the answers to its POSTs."""
    worker = fleet.running(WORKERS[0])
    fleet.sandbox.set_faults(latency_ms=2000)
    worker.popen.send_signal(signal.SIGTERM)
    worker.wait_for_output("Warm shutdown")
    with fleet.powered_off(WORKERS[0]):
        worker.wait_killed()
        fleet.sandbox.set_faults(latency_ms=LATENCY_MS)
        wait(fleet)
        yield


@contextmanager
def primary_of_redis_off(fleet: Fleet, servers: Servers) -> Iterator[None]:
    """The replica lacks the last writes: it was cut off before the primary lost power."""
    assert servers.replica
    promoted = servers.replica.host.address, servers.replica.port
    with ExitStack() as stack:
        with fleet.hosts["replica"].cut_off():
            time.sleep(2)
            written = offset(servers.redis)
            stack.enter_context(fleet.powered_off("valkey"))
        assert offset(servers.replica) < written, "the replica lacks writes"
        wait_until(lambda: servers.sentinels[0].primary() == promoted, SECONDS, "the sentinels promote the replica")
        wait(fleet)
        yield
    servers.redis.restart()


def offset(server: ValkeyServer) -> int:
    """Return how many bytes of writes a server has."""
    with connect(server.url, seconds=3) as admin:
        return int(admin.info("replication")["master_repl_offset"])


@contextmanager
def primary_of_database_off(fleet: Fleet, servers: Servers) -> Iterator[None]:
    """An operator promotes the standby, which has every commit."""
    assert servers.standby
    with fleet.powered_off("postgres"):
        time.sleep(5)
        servers.standby.promote()
        wait(fleet)
        yield


@contextmanager
def database_read_only(fleet: Fleet, servers: Servers) -> Iterator[None]:
    with servers.database.connect() as admin:
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        wait(fleet)
        yield
        admin.execute("SET default_transaction_read_only = off")
        admin.execute("ALTER SYSTEM RESET default_transaction_read_only")
        admin.execute("SELECT pg_reload_conf()")


@contextmanager
def wrong_clocks(fleet: Fleet, servers: Servers) -> Iterator[None]:
    """The processes of this deployment have had them since their start."""
    wait(fleet)
    yield


def wait(fleet: Fleet) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        fleet.supervise()
        time.sleep(0.5)


FAULTS = (
    Fault("a worker's host is cut off", cut_off(WORKERS[0])),
    Fault("Redis' host is cut off", cut_off("valkey")),
    Fault("the database's host is cut off", cut_off("postgres")),
    Fault("the HTTP API's host is cut off", cut_off(API)),
    Fault("nothing reaches a worker's host", slow(WORKERS[0], Loss(), NOTHING)),
    Fault("nothing that a worker's host sends arrives", slow(WORKERS[0], NOTHING, Loss())),
    Fault("200 ms delay and 5 % loss at a worker's host", slow(WORKERS[0], SLOW, LOSSY)),
    Fault("200 ms delay and 5 % loss at the database's host", slow("postgres", SLOW, LOSSY)),
    Fault("a worker's host loses power in mid-drain", power_off_in_mid_drain),
    Fault(
        "clocks 90 s ahead, 90 s behind, and jumping by 90 s",
        wrong_clocks,
        uncertain=0,
        clocks={WORKERS[0]: 90, WORKERS[1]: "~90", API: -90},
    ),
    Fault("the host of Redis' primary loses power", primary_of_redis_off, with_sentinels, replicas=1),
    Fault("the host of the database's primary loses power", primary_of_database_off, with_standby),
    Fault("the database is read-only", database_read_only),
)
