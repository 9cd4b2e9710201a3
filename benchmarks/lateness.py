"""Messages for later on a lane that has room: how late they go."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from benchmarks.about import About
from benchmarks.environment import Environment
from benchmarks.figure import Figure, percentiles
from benchmarks.messages import recipient, text
from harness.waiting import wait_until

PER_SECOND = 30.0
AHEAD = 5.0
"""Seconds until the first message is due."""

ABOUT = About(
    "A message for later",
    f"Messages fall due at random times, {PER_SECOND:g} a second on a lane that allows 80. The lateness is from the "
    "due time to the arrival of the POST. None goes before it is due.",
    "a lane with a backlog, where a message also waits for the limit.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    number = 100 if quick else 1000
    chance = random.Random(7)
    with environment.deploy(limit="80/1s") as deployment, deployment.client() as client:
        deployment.start_workers()
        start = datetime.now(UTC) + timedelta(seconds=AHEAD)
        due = {n: start + timedelta(seconds=chance.random() * number / PER_SECOND) for n in range(number)}
        client.send_many([client.envelope(text(n), to=recipient(n), at=at) for n, at in due.items()])
        wait_until(lambda: deployment.api.count_posts() >= number, 120, "every POST")
        arrivals = deployment.api.arrivals()
    late = [arrivals[recipient(n)] - at.timestamp() for n, at in due.items()]
    assert min(late) >= -0.01, "nothing may go before it is due"
    return percentiles("lateness of a due message", late, p50=None, p99=1.5, unit="s")
