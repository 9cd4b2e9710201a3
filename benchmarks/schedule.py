"""A ledger full of messages for later: the cost of a dispatch, and the lateness of ten thousand due at once."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from benchmarks.about import About
from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, at_most, percentiles
from benchmarks.scheduled import insert_scheduled
from harness.process import Process
from harness.waiting import wait_until

INTERVAL, EACH = 0.06, 100
"""Seconds between two ticks, and the number of messages that fall due between them."""

ABOUT = About(
    "A ledger full of messages for later",
    f"A tick finds the messages that are due, marks them as queued and hands their ids to Redis: {EACH} of a million "
    "each time. Then 10,000 messages fall due at the same moment, and two workers send them.",
    "what the workers do with the messages of a tick. Between two ticks, the benchmark marks them as sent.",
)


def measure(environment: Environment, quick: bool) -> list[Figure]:
    future, ticks, at_once = (20_000, 100, 1_000) if quick else (1_000_000, 1_000, 10_000)
    with environment.deploy() as deployment:
        with deployment.client() as client:
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            insert_scheduled(client, deployment.ledger, future, first=0, due=tomorrow, every_seconds=0.1)
        return [*_ticks(deployment, future, ticks), *_at_once(deployment, future, at_once)]


def _ticks(deployment: Deployment, future: int, number: int) -> list[Figure]:
    arguments = [str(number), str(INTERVAL), str(EACH), str(future)]
    command = [sys.executable, "-m", "benchmarks.dispatch_ticks", *arguments]
    process = Process.start("ticks", command, deployment.settings, deployment.folder)
    try:
        assert process.popen.wait(300) == 0, process.output()
    finally:
        process.kill()
    ticks = json.loads(process.output().splitlines()[-1])
    assert sum(ticks["released"]) >= 0.9 * number * EACH, (
        f"the ticks were to release what came due: {ticks['released']}"
    )
    return percentiles(f"a dispatch among {future:,} future messages", ticks["seconds"], p50=15, p99=50)


def _at_once(deployment: Deployment, future: int, number: int) -> list[Figure]:
    deployment.start_workers()
    with deployment.client() as client:
        moment = datetime.now(UTC) + timedelta(seconds=6)
        insert_scheduled(client, deployment.ledger, number, first=2 * future, due=moment, every_seconds=0)
    assert datetime.now(UTC) < moment, "the machine is too busy: the messages were due before they were written"
    wait_until(lambda: deployment.api.count_posts() >= number, 120, f"{number} POSTs")
    late = [post.at - moment.timestamp() for post in deployment.api.posts()]
    what = f"{number:,} due at once"
    return [
        Figure(f"{what}: the first is sent after", "s", [min(late)], at_most(1), number),
        Figure(f"{what}: the last is sent after", "s", [max(late)], None, number),
        Figure(f"{what}: sent", "/s", [number / (max(late) - min(late))], None, number),
    ]
