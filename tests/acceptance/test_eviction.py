"""A Redis whose policy deletes keys: it accepts no hand-over, and what goes through the ledger is neither lost nor sent
twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from redis import RedisError

from harkara import Unavailable
from harkara.redis_client import connect
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import new_message, new_messages

COUNT, WINDOW = 20, 2.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
BACKLOG = 160
MEMORY = 12 * 2**20
FOREIGN_BYTES = 100_000
"""The size of a key of another application's cache; a few hundred of them exceed the memory."""

SLOTS = "harkara:slots:default"


class Cache:
    """Another application that fills the same Redis, so that keys of Harkara are deleted."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url, seconds=3)
        self._ended = Event()
        self.times_without_slots = 0
        """How often the lane's slots were gone after they had been there."""

    def run(self) -> None:
        number, had_slots = 0, False
        while not self._ended.wait(0.005):
            number += 1
            try:
                self._redis.set(f"cache:{number}", "x" * FOREIGN_BYTES)
                has_slots = bool(self._redis.exists(SLOTS))
            except RedisError:  # full of what cannot be deleted, such as the buffers of connections
                continue
            self.times_without_slots += had_slots and not has_slots
            had_slots = has_slots

    def end(self) -> None:
        self._ended.set()


@contextmanager
def cache(url: str) -> Iterator[Cache]:
    other = Cache(url)
    thread = Thread(target=other.run, daemon=True)
    thread.start()
    try:
        yield other
    finally:
        other.end()
        thread.join()


@contextmanager
def evicting() -> Iterator[ValkeyServer]:
    with valkey(maxmemory=str(MEMORY), maxmemory_policy="allkeys-random") as server:
        yield server


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_redis_that_deletes_keys_breaks_neither_the_limit_nor_a_promise(tmp_path: Path, database_url: str) -> None:
    """Slots, hints, queues and Celery's own keys go; the ledger has it all."""
    envelopes = new_messages(BACKLOG, ("reply", "utility", "authentication"))
    settings = {"HARKARA_ALLOWANCE": LIMIT, "HARKARA_LEASE": "5", "HARKARA_THREADS": "8"}
    with evicting() as server, deployment(tmp_path, server, database_url, **settings) as harkara:
        harkara.sandbox.set_faults(limit=LIMIT)
        workers = harkara.start_workers(2)
        harkara.accept(envelopes)
        with cache(server.url) as other:
            harkara.wait_until(lambda: supervised(harkara, workers, other), "the lane's slots were deleted five times")
        assert harkara.wait_supervised(BACKLOG, workers) == {"accepted": BACKLOG}
        harkara.examine(envelopes).assert_kept()
        counts = harkara.sandbox.counts(WINDOW)
        assert counts["refused"] == 0
        assert counts["most_received_in_window"] <= COUNT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_redis_that_may_delete_keys_accepts_no_hand_over_and_every_process_says_so(
    tmp_path: Path, database_url: str
) -> None:
    envelope = new_message()
    with evicting() as server, deployment(tmp_path, server, database_url) as harkara:
        worker, web = harkara.start_worker(), harkara.start_web()
        with harkara.client() as client:
            with pytest.raises(Unavailable, match=r"allkeys-random.*maxmemory-policy noeviction"):
                client.send_many([envelope])
            redis = connect(server.url, seconds=3)
            assert not redis.exists("harkara:intake")
            doctor = harkara.start("doctor", "-m", "harkara", "doctor", "--json")
            assert doctor.popen.wait(60) == 1
            for output in (worker.output(), web.output(), doctor.output()):
                assert "maxmemory-policy noeviction" in output
            redis.config_set("maxmemory-policy", "noeviction")
            client.send_many([envelope])
        assert harkara.wait_settled(1) == {"accepted": 1}


def supervised(harkara: Deployment, workers: list[Any], other: Cache) -> bool:
    harkara.replace_dead(workers)
    return other.times_without_slots >= 5
