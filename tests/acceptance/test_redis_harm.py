"""Redis is emptied, killed, frozen, filled and fed garbage in mid-drain: it is the road, and nothing is lost with it."""

from __future__ import annotations

import base64
import json
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from harkara import Text
from harkara.broker import QUEUES, Broker
from harkara.intake import STREAM, connect
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import CATEGORIES, mail, mails
from tests.services import Server, valkey

SECONDS = 10.0
"""How long Redis is away."""

Harm = Callable[[Deployment], None]


def emptied(harkara: Deployment) -> None:
    connect(harkara.valkey.url, seconds=3).flushall()


def killed(harkara: Deployment) -> None:
    """It keeps nothing on disk, so it comes back empty."""
    harkara.valkey.kill9()
    wait_out(harkara)
    harkara.valkey.start()


def mute(harkara: Deployment) -> None:
    """It accepts connections and never answers."""
    with harkara.valkey.frozen():
        wait_out(harkara)


def full(harkara: Deployment) -> None:
    """It refuses every write; a Celery worker does not outlive that, and is started again as by its process manager."""
    redis = connect(harkara.valkey.url, seconds=3)
    redis.config_set("maxmemory", 1)
    wait_out(harkara)
    redis.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    ("harm", "database_url"),
    [(emptied, "sqlite"), (killed, "postgres"), (mute, "sqlite"), (full, "postgres")],
    indirect=["database_url"],
)
def test_a_drain_goes_on_when_redis_is(harm: Harm, tmp_path: Path, redis_server: Server, database_url: str) -> None:
    before, during = mails(300, ("reply", "utility", "marketing")), mails(60, CATEGORIES)
    with deployment(tmp_path, redis_server, database_url, HARKARA_THREADS="8") as harkara:
        harkara.sandbox.faults(latency_ms=100)
        worker = harkara.start_worker()
        harkara.hand_over(before)
        harkara.wait_accepted(50)
        harm(harkara)
        harkara.hand_over(during)
        if not worker.alive:
            harkara.start_worker()
        harkara.sandbox.behave()
        assert harkara.wait_settled(361 if harm is not emptied else 360) == {"accepted": 361}
        harkara.examine(before + during).assert_kept()


def wait_out(harkara: Deployment) -> None:
    """Redis' absence, in which the ledger still accepts, within the client's seconds."""
    over = time.monotonic() + SECONDS
    with harkara.direct_client(seconds=2) as client:
        began = time.monotonic()
        client.send(Text("The ledger does not need Redis."), to="919812345678", reference="in the meantime")
        assert time.monotonic() - began < 2.5
    time.sleep(max(0.0, over - time.monotonic()))
