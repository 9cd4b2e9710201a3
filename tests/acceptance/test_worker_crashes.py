"""Workers are killed, suspended and stopped; nothing is lost, and nothing is sent twice without a flag."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from harkara import Client, Envelope
from harkara.backends.broker import HINTS, QUEUES, URGENT
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import BY_WORKER_LEASE, deployment
from tests.acceptance.messages import CATEGORIES, new_message, new_messages
from tests.acceptance.promises import ONCE, RESENT, Result

THREADS = 16
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@ON_POSTGRES
def test_kill_9_of_the_only_worker_under_load(tmp_path: Path, redis_server: ValkeyServer, database_url: str) -> None:
    """It suspends itself at the 150th POST, so that it is killed in the middle, however slow this machine is.

    SIGKILL goes to its whole group, and the lock of Celery's own recovery is stale as well.
    """
    envelopes = new_messages(400, ("reply", "utility", "marketing"))
    settings = {"HARKARA_THREADS": str(THREADS), **BY_WORKER_LEASE}
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        harkara.sandbox.set_faults(latency_ms=50)
        worker = harkara.start_worker(HARKARA_KILL_AT="K3@150~")
        harkara.accept(envelopes)
        harkara.wait_until(lambda: worker.suspended, "the worker sends the 150th")
        worker.kill()
        before = harkara.sandbox.counts()["accepted"]
        assert 100 < before < 200
        connect(redis_server.url, seconds=30).set("unacked_mutex", "of a dead worker", ex=300)
        harkara.start_worker()
        harkara.wait_accepted(before + 1)  # long before the lease of `sending` ends
        harkara.wait_settled(400)
        harkara.examine(envelopes).assert_kept(uncertain=THREADS)


@ON_POSTGRES
@pytest.mark.parametrize(
    ("point", "code", "other"),
    [("K1*2~", ONCE, ONCE), ("K3*4~", RESENT, ONCE)],
    ids=["before the commit of `sending`", "before the first byte"],
)
def test_a_worker_suspended_past_its_lease_causes_no_unflagged_duplicate(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, point: str, code: Result, other: Result
) -> None:
    """It sends nothing that another worker may have sent: it looks at the clock again right before the first byte.

    Its own lease has run out, too. Its late outcome settles the uncertain message: it was not sent.
    With SQLite, another of its threads may hold the lock of the database when it is suspended.
    """
    envelopes = [new_message(category) for category in CATEGORIES]
    with deployment(tmp_path, redis_server, database_url, **BY_WORKER_LEASE) as harkara:
        harkara.accept(envelopes)
        suspended = harkara.start_worker(ready=False, HARKARA_KILL_AT=point)
        harkara.wait_until(lambda: suspended.suspended, f"the worker is suspended at {point}")
        harkara.start_worker()
        harkara.wait_settled(4)
        suspended.resume()
        assert suspended.terminate() == 0
        harkara.wait_settled(4)
        verdict = harkara.examine(envelopes)
        verdict.assert_kept()
        assert [verdict.results[envelope.id] for envelope in envelopes] == [code, other, other, other]


@ON_POSTGRES
def test_a_hint_that_is_lost_with_its_worker_is_published_again(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Celery pops a message before it stores it in `unacked`; a kill in between leaves it in no key of Redis."""
    with deployment(tmp_path, redis_server, database_url) as harkara:
        redis = connect(redis_server.url, seconds=30)
        worker = harkara.start_worker()
        envelopes: list[Envelope] = []
        while not envelopes or redis.llen(URGENT):
            worker.resume()
            harkara.wait_until(lambda: waits_for_a_hint(redis), "the worker waits for a hint")
            worker.suspend()
            envelopes.append(new_message("authentication"))
            harkara.accept(envelopes[-1:])
        worker.kill()
        assert harkara.status(envelopes[-1])["state"] == "queued"
        assert [redis.llen(queue) for queue in QUEUES] == [0] * len(QUEUES)
        assert redis.hlen("unacked") == 0
        harkara.start_worker()
        harkara.wait_settled(len(envelopes))
        harkara.examine(envelopes).assert_kept()


@ON_SQLITE
def test_a_lone_message_of_the_intake_needs_no_hint_and_outlives_its_worker(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    envelopes = new_messages(2, ("reply",))
    redis = connect(redis_server.url, seconds=30)
    with deployment(tmp_path, redis_server, database_url) as harkara, Client(redis_server.url) as client:
        worker = harkara.start_worker(HARKARA_KILL_AT="K0@2")
        with redis.monitor() as commands:  # type: ignore[no-untyped-call]
            client.send_many(envelopes[:1])
            harkara.wait_settled(1)
            redis.get("the end")
            seen = list(iter(lambda: commands.next_command()["command"], "GET the end"))
        assert any(each.startswith("XADD harkara:intake") for each in seen)
        assert not [each for each in seen for queue in HINTS if each.startswith(f"LPUSH {queue}")]
        client.send_many(envelopes[1:])
        worker.wait_killed()
        harkara.start_worker()
        harkara.wait_settled(2)
        harkara.examine(envelopes).assert_kept()


@ON_SQLITE
@pytest.mark.parametrize(
    ("number", "uncertain"), [(signal.SIGTERM, 0), (signal.SIGQUIT, THREADS)], ids=["SIGTERM", "SIGQUIT"]
)
def test_a_stop_under_load_leaves_nothing_uncertain(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, number: signal.Signals, uncertain: int
) -> None:
    """The signal goes to the whole group, as from honcho and containers. Only a cold shutdown may interrupt POSTs."""
    envelopes = new_messages(100, ("reply", "utility"))
    settings = {"HARKARA_THREADS": str(THREADS), "HARKARA_READ_TIMEOUT": "20"}
    with deployment(tmp_path, redis_server, database_url, **settings) as harkara:
        harkara.sandbox.set_faults(latency_ms=3000)
        worker = harkara.start_worker()
        harkara.accept(envelopes)
        harkara.wait_accepted(THREADS)  # each thread waits for its response
        worker.terminate(number, 60)
        assert harkara.sandbox.counts()["accepted"] < 100
        harkara.sandbox.reset_faults()
        harkara.start_worker()
        harkara.wait_settled(100)
        harkara.examine(envelopes).assert_kept(uncertain=uncertain)


@ON_POSTGRES
def test_two_beats_and_four_workers_send_each_message_once(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    envelopes = new_messages(300, CATEGORIES)
    with deployment(tmp_path, redis_server, database_url) as harkara:
        beats = [harkara.start_beat(), harkara.start_beat()]
        harkara.start_workers(4)
        with harkara.client() as client:
            client.send_many(envelopes)
        assert harkara.wait_settled(300) == {"accepted": 300}
        harkara.examine(envelopes).assert_kept()
        assert all(beat.alive for beat in beats)


@ON_SQLITE
def test_a_message_that_kills_its_workers_fails_as_poison_and_the_others_are_sent(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    poison, others = new_message(), new_messages(20)
    with deployment(tmp_path, redis_server, database_url, HARKARA_LEASE="1") as harkara:
        harkara.accept([poison])
        for _ in range(5):
            harkara.start_worker(ready=False, HARKARA_KILL_AT="K1").wait_killed()
        harkara.accept(others)
        harkara.start_worker()
        assert harkara.wait_settled(21) == {"accepted": 20, "failed": 1}
        assert harkara.status(poison)["code"] == "poison"
        harkara.examine([poison, *others]).assert_kept()


@ON_POSTGRES
def test_workers_with_clocks_wrong_by_an_hour_send_on_time(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """The database's clock decides. A code expires after ten minutes; one message is scheduled."""
    later = new_message(at=datetime.now(UTC) + timedelta(seconds=8))
    envelopes = [*new_messages(40, CATEGORIES), later]
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.accept(envelopes)
        for clock in (3600, -3600):
            harkara.start_worker(clock=clock)
        assert harkara.wait_settled(41) == {"accepted": 41}
        verdict = harkara.examine(envelopes)
        verdict.assert_kept()
        assert set(verdict.results.values()) == {ONCE}
        assert later.at
        assert harkara.sandbox.accepted_times(later.to) > [later.at.timestamp()]


def waits_for_a_hint(redis: Redis) -> bool:
    clients: list[dict[str, str]] = cast(Any, redis.client_list())
    return any(client["cmd"] == "brpop" and "b" in client["flags"] for client in clients)
