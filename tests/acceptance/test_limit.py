"""The limit: many workers share one lane, and no window ever holds more than it may, whatever happens to Redis."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

from harkara.ledger.messages.commands import cancel
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import mails

COUNT, WINDOW = 20, 2.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
THREADS = 8
STOCK = 1200

# As deployed, so that slots are booked the usual two seconds ahead.
SETTINGS = {"HARKARA_ALLOWANCE": LIMIT, "HARKARA_LEASE": "10", "HARKARA_THREADS": str(THREADS)}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_eight_workers_use_a_lane_to_the_full_and_never_beyond(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Then the host is starved, Redis is emptied, and Redis is killed."""
    handed_over = mails(STOCK, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, **SETTINGS) as harkara:
        harkara.sandbox.faults(limit=LIMIT)
        harkara.start_workers(8)
        harkara.hand_over(handed_over)
        recorded = wait_used_to_the_full(harkara)
        with busy(3):
            wait_recorded(harkara, recorded + 40)
            connect(redis_server.url, seconds=3).flushall()
            wait_recorded(harkara, recorded + 80)
            redis_server.kill()
            redis_server.start()
            wait_recorded(harkara, recorded + 120)
        cancel(harkara.ledger, [letter.id for letter in handed_over], by="the test")
        harkara.wait_settled(STOCK)
        harkara.examine(handed_over).assert_kept()
        assert_limit_held(harkara)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_dead_worker_sent_counts_when_redis_forgets_it(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Only the ledger knows then what went out in the last window, and what the dead one was about to send."""
    handed_over = mails(120, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, **SETTINGS | {"HARKARA_LEASE": "5"}) as harkara:
        harkara.sandbox.faults(limit=LIMIT)
        doomed, _ = harkara.start_workers(2)
        harkara.hand_over(handed_over)
        wait_recorded(harkara, 40)
        doomed.kill()
        for recorded in (40, 50, 70):
            wait_recorded(harkara, recorded)
            connect(redis_server.url, seconds=3).flushall()
        harkara.wait_settled(len(handed_over))
        harkara.examine(handed_over).assert_kept(uncertain=THREADS)
        assert_limit_held(harkara)


def wait_used_to_the_full(harkara: Deployment) -> int:
    """For half a minute at least, and until ten seconds have used 97 %; returns how many were recorded by then.

    A host that is busy with others uses less as long as it is: a slot is given up when its thread is woken too late.
    """
    for recorded in range(300, STOCK - 200, 50):
        wait_recorded(harkara, recorded)
        if most_within(harkara.sandbox.times(), 10) >= 0.97 * 10 * COUNT / WINDOW:
            return recorded
    raise AssertionError(f"in ten seconds never more than {most_within(harkara.sandbox.times(), 10)}")


def wait_recorded(harkara: Deployment, number: int) -> None:
    """Until so many are known to be accepted. The sandbox is left in peace, which has to be punctual here."""
    harkara.wait(lambda: harkara.states()["accepted"] >= number, f"{number} are recorded as accepted")


def assert_limit_held(harkara: Deployment) -> None:
    """By the account's own limit, which says 429, and by its history."""
    counts = harkara.sandbox.counts(WINDOW)
    assert counts["refused"] == 0
    assert counts["most_received_in_window"] <= COUNT


def most_within(times: Sequence[float], seconds: float) -> int:
    """How many the fullest stretch of so many seconds holds, the burst of the beginning left out."""
    steady = [at for at in times if at > times[0] + WINDOW]
    return max(bisect_left(steady, at + seconds) - place for place, at in enumerate(steady))


@contextmanager
def busy(number: int) -> Iterator[None]:
    """So many processes that want a core each, as on a host that is shared with others."""
    burners = [Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
