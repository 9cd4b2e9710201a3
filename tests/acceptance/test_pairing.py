"""Two deployments on one Redis, and two Redis for one ledger: the second refuses to start, and nothing is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harkara.redis_client import connect
from harkara.redis_identity import LEDGER
from harness.valkey import ValkeyServer, valkey
from tests.acceptance.deployment import APP, CELERY, deployment
from tests.acceptance.messages import new_messages
from workers.command.output import UNAVAILABLE

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@ON_SQLITE
def test_staging_on_the_redis_of_production_refuses_to_start_and_takes_no_message(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    (tmp_path / "staging").mkdir()
    envelopes = new_messages(60)
    with deployment(tmp_path, redis_server, database_url) as production:
        production.start_worker()
        other = f"sqlite:///{tmp_path / 'staging' / 'harkara.db'}"
        with deployment(tmp_path / "staging", redis_server, other) as staging:
            refused = [
                staging.start_worker(ready=False),
                staging.start_web(ready=False),
                staging.start_beat(),
                staging.start("command", "harkara", "send", "919876543210", "Hello"),
            ]
            with production.client() as client:
                client.send_many(envelopes)
            statuses = [os.EX_CONFIG] * 3 + [UNAVAILABLE]
            for process, status in zip(refused, statuses, strict=True):
                assert process.popen.wait(60) == status, process.name
                assert "this Redis belongs to ledger" in process.output(), process.name
            assert production.wait_settled(60) == {"accepted": 60}
            assert staging.states().total() == 0
        production.examine(envelopes).assert_kept()


@ON_SQLITE
def test_a_worker_on_a_second_redis_refuses_to_start(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara, valkey() as second:
        harkara.start_worker()
        worker = harkara.start("worker", *CELERY, *APP, "worker", "-n", "w2@%h", HARKARA_REDIS_URL=second.url)
        assert worker.popen.wait(60) == os.EX_CONFIG
        assert "another Redis than" in worker.output()
        harkara.deliver(new_messages(20)).assert_kept()


@ON_SQLITE
def test_a_worker_whose_redis_became_anothers_ends(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        worker = harkara.start_worker()
        with connect(redis_server.url, seconds=30) as redis:
            redis.set(LEDGER, "abcdefabcdefabcdefabcdefabcdefab")
        assert worker.popen.wait(60) == 1
        assert "belongs to ledger abcdefab" in worker.output()
