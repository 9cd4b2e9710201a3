"""A ledger full of messages for later: what a look at what is due costs, and how late ten thousand at once are."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta

from benchmarks.figures import Figure, lateness
from benchmarks.future import schedule
from benchmarks.ground import Ground, Harkara
from harness.process import Process
from harness.waiting import wait_until

TICKS, EVERY, EACH = 60, 0.2, 100
"""Ticks, the seconds between them, and how many messages become due from one to the next."""


def measure(ground: Ground, quick: bool) -> list[Figure]:
    future, at_once = (100_000, 1_000) if quick else (1_000_000, 10_000)
    with ground.harkara() as harkara:
        with harkara.client() as client:
            tomorrow = datetime.now(UTC) + timedelta(days=1)
            schedule(client, harkara.ledger, future, first=0, due=tomorrow, every_seconds=0.1)
        return [*_ticks(harkara, future), *_at_once(harkara, future, at_once)]


def _ticks(harkara: Harkara, future: int) -> list[Figure]:
    words = [str(TICKS), str(EVERY), str(EACH), str(future)]
    command = [sys.executable, "-m", "benchmarks.ticker", *words]
    ticker = Process.start("ticker", command, harkara.settings, harkara.folder)
    assert ticker.popen.wait(120) == 0, ticker.output()
    ticks = json.loads(ticker.output().splitlines()[-1])
    assert sum(ticks["released"]) >= 0.9 * TICKS * EACH, f"the ticks were to release what came due: {ticks['released']}"
    return lateness(f"dispatch with {future:,} waiting, {EACH} due", ticks["seconds"], p50=None, p99=50)


def _at_once(harkara: Harkara, future: int, number: int) -> list[Figure]:
    harkara.start_workers()
    with harkara.client() as client:
        moment = datetime.now(UTC) + timedelta(seconds=6)
        schedule(client, harkara.ledger, number, first=2 * future, due=moment, every_seconds=0)
    assert datetime.now(UTC) < moment, "the machine is too busy: its messages were due before they were written"
    wait_until(lambda: harkara.api.seen() >= number, 120, f"{number} POSTs")
    late = [post.at - moment.timestamp() for post in harkara.api.posts()]
    what = f"{number:,} due at once among {future:,}"
    return [
        *lateness(f"{what}, lateness", late, p50=None, p99=1, unit="s"),
        Figure(f"{what}, until the first goes", "s", [min(late)]),
        Figure(f"{what}, then", "/s", [number / (max(late) - min(late))]),
    ]
