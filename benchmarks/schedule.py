"""A ledger full of messages for later: the cost of a dispatch, and the lateness of ten thousand due at once."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, lateness
from benchmarks.scheduled import insert_scheduled
from harness.process import Process
from harness.waiting import wait_until

TICKS, INTERVAL, EACH = 60, 0.2, 100
"""Ticks, the seconds between them, and the number of messages that fall due between two of them."""


def measure(environment: Environment, quick: bool) -> list[Figure]:
    future, at_once = (100_000, 1_000) if quick else (1_000_000, 10_000)
    with environment.deploy() as deployment:
        with deployment.client() as client:
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            insert_scheduled(client, deployment.ledger, future, first=0, due=tomorrow, every_seconds=0.1)
        return [*_ticks(deployment, future), *_at_once(deployment, future, at_once)]


def _ticks(deployment: Deployment, future: int) -> list[Figure]:
    arguments = [str(TICKS), str(INTERVAL), str(EACH), str(future)]
    command = [sys.executable, "-m", "benchmarks.dispatch_ticks", *arguments]
    process = Process.start("ticks", command, deployment.settings, deployment.folder)
    try:
        assert process.popen.wait(120) == 0, process.output()
    finally:
        process.kill()
    ticks = json.loads(process.output().splitlines()[-1])
    assert sum(ticks["released"]) >= 0.9 * TICKS * EACH, f"the ticks were to release what came due: {ticks['released']}"
    return lateness(f"dispatch with {future:,} waiting, {EACH} due", ticks["seconds"], p50=None, p99=50)


def _at_once(deployment: Deployment, future: int, number: int) -> list[Figure]:
    deployment.start_workers()
    with deployment.client() as client:
        moment = datetime.now(UTC) + timedelta(seconds=6)
        insert_scheduled(client, deployment.ledger, number, first=2 * future, due=moment, every_seconds=0)
    assert datetime.now(UTC) < moment, "the machine is too busy: the messages were due before they were written"
    wait_until(lambda: deployment.api.count_posts() >= number, 120, f"{number} POSTs")
    late = [post.at - moment.timestamp() for post in deployment.api.posts()]
    what = f"{number:,} due at once among {future:,}"
    return [
        *lateness(f"{what}, lateness", late, p50=None, p99=1, unit="s"),
        Figure(f"{what}, until the first goes", "s", [min(late)]),
        Figure(f"{what}, then", "/s", [number / (max(late) - min(late))]),
    ]
