"""Hosts whose clocks are wrong in one deployment: no decision depends on how they differ."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery

from harkara.backends.broker import UPKEEP
from harkara.ledger.leases import seconds_since
from harness.valkey import ValkeyServer
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.messages import new_message

ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)

SKEW = 90
"""Seconds by which the clocks of hosts are wrong. A decision by such a clock comes as much later, or never."""

LATEST = SKEW / 3
"""Seconds from the hand-over of a code to its arrival, which a busy host delays."""

AFTER_2038 = (datetime(2038, 1, 20, tzinfo=UTC) - datetime.now(UTC)).total_seconds()
"""Seconds to the first full day whose times do not fit into 32 bits."""


def lateness(harkara: Deployment, codes: int) -> list[float]:
    """Hand codes over one by one, alternately through Redis and in the ledger; return how long each took to arrive."""
    begun: dict[str, float] = {}
    with harkara.client() as client, harkara.direct_client() as direct:
        for n in range(codes):
            code = new_message("authentication")
            begun[code.to] = time.time()
            (client if n % 2 else direct).send_many([code])
            time.sleep(0.2)
    harkara.wait_accepted(codes)
    return sorted(harkara.sandbox.accepted_times(to)[0] - at for to, at in begun.items())


def age_of_heartbeat(harkara: Deployment) -> float:
    age = seconds_since(harkara.ledger, "heartbeat")
    return float("inf") if age is None else age


@ON_POSTGRES
def test_codes_arrive_at_once_from_workers_ahead_behind_and_with_a_clock_that_jumps(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.start_beat(clock=f"0~{SKEW}")
        for clock in (SKEW, -SKEW, f"0~{SKEW}"):
            harkara.start_worker(clock=clock)
        late = lateness(harkara, 40)
        assert late[-1] < LATEST, late
        assert harkara.wait_settled(40) == {"accepted": 40}
        heartbeat = age_of_heartbeat(harkara)
        harkara.wait_until(lambda: age_of_heartbeat(harkara) < heartbeat, "beat goes on although its clock is set back")


@ON_POSTGRES
def test_a_worker_and_beat_run_in_the_calendar_of_2038(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url, HARKARA_ALLOWANCE="100/1s") as harkara:
        harkara.start_beat(clock=AFTER_2038)
        harkara.start_worker(clock=AFTER_2038)
        late = lateness(harkara, 10)
        assert late[-1] < LATEST, late
        harkara.wait_until(lambda: seconds_since(harkara.ledger, "heartbeat") is not None, "a heartbeat")
        assert harkara.wait_settled(10) == {"accepted": 10}


@ON_POSTGRES
def test_a_task_of_an_older_release_that_expired_by_another_clock_is_executed(
    tmp_path: Path, redis_server: ValkeyServer, database_url: str
) -> None:
    with deployment(tmp_path, redis_server, database_url) as harkara:
        harkara.start_worker()
        past = datetime.now(UTC) - timedelta(seconds=90)
        with Celery(broker=redis_server.url, set_as_current=False) as older:
            older.send_task("harkara.heartbeat", queue=UPKEEP, expires=past)
        harkara.wait_until(lambda: seconds_since(harkara.ledger, "heartbeat") is not None, "a heartbeat")
