"""One message on an idle system: from just before `Client.send` to the arrival of its POST."""

from __future__ import annotations

import time
from statistics import median

from benchmarks import contest
from benchmarks.environment import Environment
from benchmarks.figure import Figure, at_most, lateness
from benchmarks.messages import recipient, text
from harkara import Client
from harness.waiting import wait_until

PER_SECOND = 20


def measure(environment: Environment, quick: bool) -> list[Figure]:
    """Let the two backends take turns in blocks of two or five seconds."""
    blocks, block = (1, 40) if quick else (4, 100)
    with environment.deploy(appendfsync="always") as deployment:
        deployment.start_workers()
        clients = {"ledger": deployment.client(), "intake": deployment.intake_client()}
        called: dict[str, dict[str, float]] = {name: {} for name in clients}
        first = 0
        for turn in range(blocks + 1):
            for name, client in clients.items():
                times = _send_paced(client, first, block if turn else PER_SECOND)
                first += len(times)
                called[name] |= times if turn else {}  # the first turn opens the connections
        wait_until(lambda: deployment.api.count_posts() >= first, 30, "every POST")
        arrivals = deployment.api.arrivals()
        for client in clients.values():
            client.close()
        deployment.check()
    found = {name: [arrivals[to] - at for to, at in times.items()] for name, times in called.items()}
    celery = contest.celery_latencies(environment, blocks * block, PER_SECOND)
    return [
        *lateness("one message, ledger backend to POST", found["ledger"], p50=10, p99=30),
        *lateness("one message, intake stream to POST", found["intake"], p50=None, p99=60),
        Figure("one message, plain Celery task to POST, p50", "ms", [1000 * median(celery)]),
        Figure("ledger backend / plain Celery, p50", "×", [median(found["ledger"]) / median(celery)], at_most(2.5)),
    ]


def _send_paced(client: Client, first: int, number: int) -> dict[str, float]:
    """Send `number` messages at `PER_SECOND`; return the time of each call in seconds since the epoch."""
    start = time.monotonic()
    called: dict[str, float] = {}
    for n in range(number):
        time.sleep(max(0.0, start + n / PER_SECOND - time.monotonic()))
        to = recipient(first + n)
        called[to] = time.time()
        client.send(text(n), to=to)
    return called
