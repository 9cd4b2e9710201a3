"""A message that is due in some seconds, on an idle lane."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

from benchmarks.environment import Environment
from benchmarks.figure import Figure, lateness
from benchmarks.messages import recipient, text
from harness.waiting import wait_until

INTERVAL = 0.25


def measure(environment: Environment, quick: bool) -> list[Figure]:
    """Schedule each message two to four seconds ahead."""
    number = 8 if quick else 40
    chance = random.Random(7)
    due: dict[str, float] = {}
    with environment.deploy(limit="80/1s") as deployment, deployment.client() as client:
        deployment.start_workers()
        for n in range(number):
            at = datetime.now(UTC) + timedelta(seconds=2 + 2 * chance.random())
            due[recipient(n)] = at.timestamp()
            client.send(text(n), to=recipient(n), at=at)
            time.sleep(INTERVAL)
        wait_until(lambda: deployment.api.count_posts() >= number, 30, "every POST")
        arrivals = deployment.api.arrivals()
    late = [arrivals[to] - at for to, at in due.items()]
    assert min(late) >= -0.01, "nothing may go before it is due"
    return lateness("a due message on an idle lane, lateness", late, p50=None, p99=1.5, unit="s")
