"""Workers are killed, frozen and stopped; nothing is lost, and nothing goes out twice in silence."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from harkara import Envelope
from harkara.backends.broker import QUEUES, URGENT
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import LEASE, deployment
from tests.acceptance.mail import CATEGORIES, mail, mails
from tests.acceptance.promises import AGAIN, ONCE, TWICE, Fate

THREADS = 16
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


def test_kill_9_of_the_only_worker_in_mid_drain(tmp_path: Path, redis_server: ValkeyServer, database_url: str) -> None:
    """To its whole group, as when the container runs out of memory; the lock of Celery's own recovery is stale, too."""
    handed_over = mails(2000, ("reply", "utility", "marketing"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.faults(latency_ms=50)
        worker = harkara.start_worker()
        harkara.hand_over(handed_over)
        harkara.wait_accepted(600)
        worker.kill()
        before = harkara.sandbox.counts()["accepted"]
        assert before < 1900
        connect(redis_server.url, seconds=3).set("unacked_mutex", "of a dead worker", ex=300)
        harkara.start_worker()
        back = time.monotonic()
        harkara.wait_accepted(before + 1)
        assert time.monotonic() - back <= LEASE + 2
        harkara.wait_settled(2000, 200)
        harkara.examine(handed_over).assert_kept(uncertain=THREADS)


@pytest.mark.parametrize(
    ("point", "code", "other", "database_url"),
    [("K1*2~", ONCE, ONCE, "sqlite"), ("K2*4~", AGAIN, ONCE, "postgres"), ("K3*4~", TWICE, ONCE, "sqlite")],
    ids=["before it says that it sends", "before it looks at the clock", "before the first byte"],
    indirect=["database_url"],
)
def test_a_worker_that_slept_past_its_lease_does_no_harm(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, point: str, code: Fate, other: Fate
) -> None:
    """It sends nothing that may have been sent by another, unless it fell asleep after its last look.

    What was uncertain is settled by its late word: that it did not send, or what Chat Mitra answered.
    """
    letters = [mail(category) for category in CATEGORIES]
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.hand_over(letters)
        sleeper = harkara.start_worker(ready=False, HARKARA_KILL_AT=point)
        harkara.wait(lambda: sleeper.suspended, f"the worker freezes at {point}")
        harkara.start_worker()
        harkara.wait_settled(4)
        sleeper.resume()
        assert sleeper.terminate() == 0
        harkara.wait_settled(4)
        verdict = harkara.examine(letters)
        verdict.assert_kept()
        assert [verdict.fates[letter.id] for letter in letters] == [code, other, other, other]


@ON_POSTGRES
def test_a_hint_that_dies_in_a_workers_hands_is_given_anew(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Celery pops a message before it notes that it has it; killed in between, it is in no key of Redis."""
    with deployment(tmp_path, redis_server, database_url) as harkara:
        redis = connect(redis_server.url, seconds=3)
        worker = harkara.start_worker()
        letters: list[Envelope] = []
        while not letters or redis.llen(URGENT):
            worker.resume()
            harkara.wait(lambda: waits_for_a_hint(redis), "the worker waits for a hint")
            worker.suspend()
            letters.append(mail("authentication"))
            harkara.hand_over(letters[-1:])
        worker.kill()
        assert harkara.status(letters[-1])["state"] == "queued"
        assert [redis.llen(queue) for queue in QUEUES] == [0] * len(QUEUES)
        assert redis.hlen("unacked") == 0
        harkara.start_worker()
        harkara.wait_settled(len(letters))
        harkara.examine(letters).assert_kept()


@ON_SQLITE
@pytest.mark.parametrize(
    ("number", "uncertain"), [(signal.SIGTERM, 0), (signal.SIGQUIT, THREADS)], ids=["SIGTERM", "SIGQUIT"]
)
def test_a_stop_under_load_leaves_nothing_in_doubt(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str, number: signal.Signals, uncertain: int
) -> None:
    """To the whole group, as honcho and containers do it. Only a cold stop may cut off what was on its way."""
    handed_over = mails(300, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS=str(THREADS)) as harkara:
        harkara.sandbox.faults(latency_ms=500)
        worker = harkara.start_worker()
        harkara.hand_over(handed_over)
        harkara.wait_accepted(50)
        worker.terminate(number, 30)
        assert harkara.sandbox.counts()["accepted"] < 300
        harkara.sandbox.behave()
        harkara.start_worker()
        harkara.wait_settled(300)
        harkara.examine(handed_over).assert_kept(uncertain=uncertain)


@ON_POSTGRES
def test_two_beats_and_four_workers_send_everything_once(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    handed_over = mails(500, CATEGORIES)
    with deployment(tmp_path, redis_server, database_url) as harkara:
        beats = [harkara.start_beat(), harkara.start_beat()]
        harkara.start_workers(4)
        with harkara.client() as client:
            client.send_many(handed_over)
        assert harkara.wait_settled(500) == {"accepted": 500}
        harkara.examine(handed_over).assert_kept()
        assert all(beat.alive for beat in beats)


@ON_SQLITE
def test_a_message_that_kills_its_workers_is_poison_and_the_others_flow(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    poison, others = mail(), mails(20)
    with deployment(tmp_path, redis_server, database_url, HARKARA_LEASE="1") as harkara:
        harkara.hand_over([poison])
        for _ in range(5):
            harkara.start_worker(ready=False, HARKARA_KILL_AT="K1").wait_killed()
        harkara.hand_over(others)
        harkara.start_worker()
        assert harkara.wait_settled(21) == {"accepted": 20, "failed": 1}
        assert harkara.status(poison)["code"] == "poison"
        harkara.examine([poison, *others]).assert_kept()


@ON_POSTGRES
def test_workers_whose_clocks_are_wrong_by_an_hour_keep_the_right_hour(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """The database's clock counts. A code has ten minutes; one message is not to go before its time."""
    later = mail(at=datetime.now(UTC) + timedelta(seconds=15))
    handed_over = [*mails(60, CATEGORIES), later]
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.hand_over(handed_over)
        for clock in (3600, -3600):
            harkara.start_worker(clock=clock)
        assert harkara.wait_settled(61) == {"accepted": 61}
        verdict = harkara.examine(handed_over)
        verdict.assert_kept()
        assert set(verdict.fates.values()) == {ONCE}
        assert later.at
        assert harkara.sandbox.times(later.to) > [later.at.timestamp()]


def waits_for_a_hint(redis: Redis) -> bool:
    clients: list[dict[str, str]] = cast(Any, redis.client_list())
    return any(client["cmd"] == "brpop" and "b" in client["flags"] for client in clients)
