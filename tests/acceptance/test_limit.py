"""The rate limit: many workers share one lane, and no window exceeds it, whatever happens to Redis."""

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
from tests.acceptance.messages import new_messages

COUNT, WINDOW = 20, 2.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
THREADS = 8
BACKLOG = 1000

# The defaults otherwise, so that slots are booked two seconds ahead.
SETTINGS = {"HARKARA_ALLOWANCE": LIMIT, "HARKARA_LEASE": "10", "HARKARA_THREADS": str(THREADS)}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_five_workers_use_the_whole_allowance_and_never_exceed_it(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Then other processes use the CPU, Redis is emptied, and Redis is killed."""
    envelopes = new_messages(BACKLOG, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, **SETTINGS) as harkara:
        harkara.sandbox.set_faults(limit=LIMIT)
        harkara.start_workers(5)
        harkara.accept(envelopes)
        recorded = wait_fully_used(harkara)
        with busy(3):
            wait_recorded(harkara, recorded + 20)
            connect(redis_server.url, seconds=30).flushall()
            wait_recorded(harkara, recorded + 40)
        redis_server.kill()
        redis_server.start()
        wait_recorded(harkara, recorded + 80)
        cancel(harkara.ledger, [envelope.id for envelope in envelopes], by="the test")
        harkara.wait_settled(BACKLOG)
        harkara.examine(envelopes).assert_kept()
        assert_limit_held(harkara)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_messages_of_a_killed_worker_count_after_redis_was_emptied(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    """Only the ledger then knows what was sent in the last window, and what the killed worker was about to send."""
    envelopes = new_messages(100, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, **SETTINGS | {"HARKARA_LEASE": "5"}) as harkara:
        harkara.sandbox.set_faults(limit=LIMIT)
        killed, _ = harkara.start_workers(2)
        harkara.accept(envelopes)
        wait_recorded(harkara, 40)
        killed.kill()
        for recorded in (40, 50, 70):
            wait_recorded(harkara, recorded)
            connect(redis_server.url, seconds=30).flushall()
        harkara.wait_settled(len(envelopes))
        harkara.examine(envelopes).assert_kept(uncertain=THREADS)
        assert_limit_held(harkara)


def wait_fully_used(harkara: Deployment) -> int:
    """Wait until ten seconds used 97 %; return how many were recorded by then.

    A busy host uses less, since a thread that wakes up too late gives up its slot.
    """
    for recorded in range(150, BACKLOG - 200, 50):
        wait_recorded(harkara, recorded)
        if most_within(harkara.sandbox.accepted_times(), 10) >= 0.97 * 10 * COUNT / WINDOW:
            return recorded
    raise AssertionError(f"in ten seconds never more than {most_within(harkara.sandbox.accepted_times(), 10)}")


def wait_recorded(harkara: Deployment, number: int) -> None:
    """Wait until the ledger has this many accepted messages; polling the sandbox would delay its responses."""
    harkara.wait_until(lambda: harkara.states()["accepted"] >= number, f"{number} are recorded as accepted")


def assert_limit_held(harkara: Deployment) -> None:
    """Check that the sandbox refused nothing by its own limit, and that its history has no fuller window."""
    counts = harkara.sandbox.counts(WINDOW)
    assert counts["refused"] == 0
    assert counts["most_received_in_window"] <= COUNT


def most_within(times: Sequence[float], seconds: float) -> int:
    """Return the most requests in any interval of `seconds`, without the burst at the start."""
    steady = [at for at in times if at > times[0] + WINDOW]
    return max(bisect_left(steady, at + seconds) - place for place, at in enumerate(steady))


@contextmanager
def busy(number: int) -> Iterator[None]:
    """Run processes that use one core each, as on a shared host."""
    processes = [Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
