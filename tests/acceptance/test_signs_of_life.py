"""Signs of life: beat, Redis, a worker and the database meet, and a worker hears itself."""

from __future__ import annotations

from pathlib import Path

from harkara.ledger.messages.queries import seconds_since
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment


def test_heartbeats_are_written_down_and_a_worker_takes_what_it_puts_into_its_own_queue(
    tmp_path: Path, redis_server: ValkeyServer
) -> None:
    with deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        harkara.start_beat()
        worker = harkara.start_worker()
        harkara.wait(lambda: seconds_since(harkara.ledger, "heartbeat") is not None, "a heartbeat is written down", 60)
        with connect(redis_server.url, seconds=30) as redis, redis.monitor() as seen:
            put = next(c["command"] for c in seen.listen() if c["command"].startswith("LPUSH harkara.own."))
            harkara.wait(lambda: redis.llen(put.split()[1]) == 0, "the worker takes its own task", 60)
        assert worker.alive
