"""Heartbeats through beat, Redis, a worker and the database, and through a worker's own queue."""

from __future__ import annotations

from pathlib import Path

from harkara.ledger.leases import seconds_since
from harkara.redis_client import connect
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import deployment


def test_heartbeats_are_recorded_and_a_worker_consumes_its_own_queue(
    tmp_path: Path, redis_server: ValkeyServer
) -> None:
    with deployment(tmp_path, redis_server, f"sqlite:///{tmp_path / 'harkara.db'}") as harkara:
        harkara.start_beat()
        worker = harkara.start_worker()
        harkara.wait_until(
            lambda: seconds_since(harkara.ledger, "heartbeat") is not None, "a heartbeat is recorded", 60
        )
        with connect(redis_server.url, seconds=30) as redis, redis.monitor() as commands:
            push = next(c["command"] for c in commands.listen() if c["command"].startswith("LPUSH harkara.own."))
            harkara.wait_until(lambda: redis.llen(push.split()[1]) == 0, "the worker consumes its own task", 60)
        assert worker.alive
