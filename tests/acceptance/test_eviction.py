"""A Redis whose policy deletes keys accepts no hand-over, and what goes through the ledger is sent once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from redis import RedisError

from harkara import Category, Envelope, Unavailable
from harkara.redis_client import connect
from harness.process import Process
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import new_message, new_messages

COUNT, WINDOW = 60, 10.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
"""The margin of such a window, 100 ms, covers the delays of a busy host."""

BACKLOG, MORE = 100, 20
CATEGORIES: tuple[Category, ...] = ("reply", "utility", "authentication")
MEMORY = 12 * 2**20
FOREIGN_BYTES = 100_000
"""The size of a key of another application's cache; a few hundred of them exceed the memory."""

SLOTS = "harkara:slots:default"
BINDING = "_kombu.binding.harkara.send"
"""A key that Celery writes once, when a worker starts."""


class Cache:
    """Another application that fills the same Redis, so that keys of Harkara are deleted."""

    def __init__(self, url: str) -> None:
        self._redis = connect(url, seconds=3)
        self._ended = Event()
        self.deleted: Counter[str] = Counter()
        """How often each key of Harkara was gone after it had been there."""

    def run(self) -> None:
        number, before = 0, set[str]()
        while not self._ended.wait(0.005):
            number += 1
            try:
                self._redis.set(f"cache:{number}", "x" * FOREIGN_BYTES)
                present = {key for key in (SLOTS, BINDING) if self._redis.exists(key)}
            except RedisError:  # full of what cannot be deleted, such as the buffers of connections
                continue
            self.deleted.update(before - present)
            before = present

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


def evicting(policy: str) -> AbstractContextManager[ValkeyServer]:
    return valkey(maxmemory=str(MEMORY), maxmemory_policy=policy)


@pytest.mark.parametrize(
    ("policy", "key", "times", "database_url"),
    [("allkeys-lru", BINDING, 1, "sqlite"), ("allkeys-random", SLOTS, 5, "postgres")],
    indirect=["database_url"],
)
def test_a_redis_that_deletes_keys_breaks_neither_the_limit_nor_a_promise(
    policy: str, key: str, times: int, tmp_path: Path, database_url: str
) -> None:
    """Celery's keys, which are old, go first, or any key: slots, hints and queues, too. The ledger has it all."""
    envelopes = new_messages(BACKLOG, CATEGORIES)
    settings = {"HARKARA_ALLOWANCE": LIMIT, "HARKARA_LEASE": "5", "HARKARA_THREADS": "8"}
    with evicting(policy) as server, deployment(tmp_path, server, database_url, **settings) as harkara:
        harkara.sandbox.set_faults(limit=LIMIT)
        workers = harkara.start_workers(2)
        harkara.accept(envelopes)
        with cache(server.url) as other:
            harkara.wait_until(
                lambda: sending(harkara, workers, envelopes) and other.deleted[key] >= times, "keys are deleted"
            )
        assert harkara.wait_supervised(len(envelopes), workers) == {"accepted": len(envelopes)}
        harkara.examine(envelopes).assert_kept()
        counts = harkara.sandbox.counts(WINDOW)
        assert counts["refused"] == 0
        assert counts["most_received_in_window"] <= COUNT


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_redis_that_may_delete_keys_accepts_no_hand_over_and_every_process_says_so(
    tmp_path: Path, database_url: str
) -> None:
    envelope = new_message()
    with evicting("allkeys-lru") as server, deployment(tmp_path, server, database_url) as harkara:
        worker, web = harkara.start_worker(), harkara.start_web()
        with harkara.client() as client:
            with pytest.raises(Unavailable, match=r"allkeys-lru.*maxmemory-policy noeviction"):
                client.send_many([envelope])
            redis = connect(server.url, seconds=30)
            assert not redis.xlen("harkara:intake")
            doctor = harkara.start("doctor", "harkara", "doctor", "--json")
            assert doctor.popen.wait(60) == 1
            for output in (worker.output(), web.output(), doctor.output()):
                assert "maxmemory-policy noeviction" in output
            redis.config_set("maxmemory-policy", "noeviction")
            client.send_many([envelope])
        assert harkara.wait_settled(1) == {"accepted": 1}


def sending(harkara: Deployment, workers: list[Process], envelopes: list[Envelope]) -> bool:
    """Let all workers live, and have something to send: the slots are in Redis only then."""
    harkara.replace_dead(workers)
    if harkara.is_settled(len(envelopes)):
        more = new_messages(MORE, CATEGORIES)
        harkara.accept(more)
        envelopes += more
    return True
