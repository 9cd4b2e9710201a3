"""Whatever Redis answers: each call says why in plain words, with the next step, and quotes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from harkara.backends.broker import Broker
from harkara.backends.redis import RedisBackend
from harkara.connections import SyncConnections
from harkara.delivery.booking import Booking, Passed
from harkara.errors import Unavailable
from harkara.inbound.window import WindowState
from harkara.intake.stream import Intake
from harkara.lanes import Lane
from harkara.ledger.database import Database
from harkara.ledger.messages.claim import Claimed
from harkara.limits import Allowance
from harkara.limits.limiter import Limiter
from harkara.outcomes import Wait
from harkara.published.store import PublishedReader
from harkara.redis_address import RedisAddress
from harkara.redis_client import connect, require_writable
from harkara.redis_identity import claim_redis
from harkara.steps import run
from harness.refusing_redis import RefusingRedis, refusing_redis
from harness.valkey import ValkeyServer
from tests.integration.ledger.steps import accept_messages, claim_messages, reply

SECRET = "swordfish"

ANSWERS = {
    "READONLY You can't write against a read only replica.": ("a replica and accepts no writes", "the primary"),
    "ERR Error running script (call to f_1): @user_script:1: @user_script: 1: -READONLY You can't": (
        "a replica and accepts no writes",
        "the primary",
    ),
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)": (
        "it has become a replica",
        "the primary",
    ),
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": (
        "lost its primary",
        "the primary",
    ),
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.": (
        "it cannot write its files",
        "free space",
    ),
    "OOM command not allowed when used memory > 'maxmemory'.": ("it is full", "start workers"),
    "NOPERM User default has no permissions to run the 'set' command": ("lacks a permission", "+@all"),
    "NOAUTH Authentication required.": ("refuses the user or the password", "HARKARA_REDIS_URL"),
    "WRONGPASS invalid username-password pair or user is disabled.": ("refuses the user", "HARKARA_REDIS_URL"),
    "LOADING Redis is loading the dataset in memory": ("loading its data", "wait"),
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": (
        "script occupies it",
        "SCRIPT KILL",
    ),
    "CLUSTERDOWN Hash slot not served": ("its cluster is down", "without cluster mode"),
    "MOVED 3999 127.0.0.1:6381": ("it is a cluster", "without cluster mode"),
    "NOREPLICAS Not enough good replicas to write.": ("min-replicas-to-write", "start its replicas"),
    "ERR DB index is out of range": ("no database of this number", "with a lower one"),
    "ERR max number of clients reached": ("as many connections as it allows", "maxclients"),
    "ERR unknown command 'XAUTOCLAIM', with args beginning with: ": ("does not know a command", "Redis 6.2"),
    "WRONGTYPE Operation against a key holding the wrong kind of value": ("another program", "database of its own"),
    f"ERR user_script:1: {SECRET} script: 1, on @user_script:1.": ("it answers with an error", "see its log"),
}


@pytest.fixture(scope="module")
def refusing() -> Iterator[RefusingRedis]:
    with refusing_redis() as server:
        yield server


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_becomes_a_reason_and_a_next_step(refusing: RefusingRedis, answer: str) -> None:
    refusing.answer = answer
    reason, next_step = ANSWERS[answer]
    with connect(refusing.url, seconds=2) as client, pytest.raises(Unavailable) as raised:
        require_writable(client)
    assert reason in str(raised.value)
    assert raised.value.outage is not None
    assert reason in raised.value.outage
    assert next_step in raised.value.outage
    assert SECRET not in f"{raised.value} {raised.value.outage}"


def append(url: str) -> None:
    Intake(connect(url, seconds=30)).append("send", [SECRET])


def read(url: str) -> None:
    Intake(connect(url, seconds=30), "reader").read()


def hand_over(url: str) -> None:
    run(RedisBackend(RedisAddress.parse(url), 2).enqueue([reply()]), SyncConnections(url, 2))


def publish_a_hint(url: str) -> None:
    broker = Broker.at(url)
    try:
        broker.publish_hints(["job_1"], urgent=True)
    finally:
        broker.close()


def count_the_queues(url: str) -> None:
    broker = Broker.at(url)
    try:
        broker.queue_depths()
    finally:
        broker.close()


def claim_it(url: str) -> None:
    claim_redis(connect(url, seconds=30), "ledger", "database")


def read_the_catalogue(url: str) -> None:
    run(PublishedReader().catalogue(), SyncConnections(url, 2))


def count_the_capacity(url: str) -> None:
    Limiter(connect(url, seconds=30), lambda lane, mine: []).capacity({"default": Allowance(20, 60.0)})


CALLS = [
    append,
    read,
    hand_over,
    publish_a_hint,
    count_the_queues,
    claim_it,
    read_the_catalogue,
    count_the_capacity,
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__.replace("_", " "))
@pytest.mark.parametrize("answer", ["READONLY You can't write", "MISCONF x", "LOADING x", "NOAUTH x", "BUSY x"])
def test_every_call_raises_unavailable_with_the_reason(
    refusing: RefusingRedis, call: Callable[[str], None], answer: str
) -> None:
    refusing.answer = answer
    reason = {"READONLY": "replica", "MISCONF": "files", "LOADING": "loading", "NOAUTH": "password", "BUSY": "script"}
    with pytest.raises(Unavailable, match=reason[answer.split()[0]]) as raised:
        call(refusing.url)
    assert SECRET not in str(raised.value)


def test_a_message_waits_while_redis_refuses_its_slot_and_says_why(refusing: RefusingRedis, db: Database) -> None:
    refusing.answer = "READONLY You can't write against a read only replica."
    allowance = Allowance.parse("20/60s")
    lane = Lane("default", "token", allowance)
    booking = Booking(Limiter(connect(refusing.url, seconds=2), lambda lane, mine: []), {"default": lane})
    claimed: list[Claimed] = claim_messages(db, *accept_messages(db, reply()))
    ((_, wait),) = booking.book([Passed(one, WindowState("unknown", 0.0)) for one in claimed])
    assert isinstance(wait, Wait)
    assert (wait.code, wait.spent) == ("limiter-unavailable", False)
    assert "a replica and accepts no writes" in wait.reason


def test_a_redis_that_works_is_writable(redis_server: ValkeyServer) -> None:
    with connect(redis_server.url, seconds=30) as client:
        require_writable(client)
        assert client.pttl("harkara:writable") <= 1000
