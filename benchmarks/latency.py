"""One message on an idle system: from just before the call until its POST arrives."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from statistics import median

from benchmarks import contest
from benchmarks.about import About
from benchmarks.environment import Deployment, Environment
from benchmarks.figure import Figure, percentiles
from benchmarks.http_clients import HttpClient, message
from benchmarks.messages import recipient, text
from harness.waiting import wait_until

PER_SECOND = 25
BLOCK = 50

ABOUT = About(
    "One message on an idle system",
    f"Two workers wait; messages come one at a time, {PER_SECOND} a second. A time is from just before the call until "
    "the POST arrives at the server that stands in for Chat Mitra. The three ways to hand over take turns in "
    "blocks of two seconds; Redis syncs every write to disk, and PostgreSQL every commit.",
    "the first second of each client and worker, which opens the connections; the network; and what Chat Mitra takes.",
)

Send = Callable[[int], object]


def measure(environment: Environment, quick: bool) -> list[Figure]:
    turns, compared = (1, BLOCK) if quick else (20, 4 * BLOCK)
    with environment.deploy(appendfsync="always") as deployment, _ways(deployment) as ways:
        deployment.start_workers()
        called: dict[str, dict[str, float]] = {name: {} for name in ways}
        first = 0
        for turn in range(turns + 1):
            for name, send in ways.items():
                times = _send_paced(send, first, BLOCK if turn else PER_SECOND)
                first += len(times)
                called[name] |= times if turn else {}  # the first turn opens the connections
        wait_until(lambda: deployment.api.count_posts() >= first, 30, "every POST")
        arrivals = deployment.api.arrivals()
        deployment.check()
    found = {name: [arrivals[to] - at for to, at in times.items()] for name, times in called.items()}
    celery = contest.celery_latencies(environment, compared, PER_SECOND)
    return [
        *percentiles("client of PostgreSQL and Redis", found["ledger"], p50=8, p99=25),
        *percentiles("client of Redis alone", found["redis"], p50=15, p99=50),
        *percentiles("HTTP API", found["http"], p50=None, p99=None),
        Figure("a plain Celery task, p50", "ms", [1000 * median(celery)], of=len(celery)),
        Figure(
            "client of PostgreSQL and Redis / a plain Celery task, p50", "×", [median(found["ledger"]) / median(celery)]
        ),
    ]


@contextmanager
def _ways(deployment: Deployment) -> Iterator[dict[str, Send]]:
    """Return the ways to hand a message over, as the README shows them, and the client of the database."""
    http = HttpClient(deployment.start_web())
    with deployment.client() as ledger, deployment.intake_client() as redis, closing(http.connection):
        yield {
            "ledger": lambda n: ledger.send(text(n), to=recipient(n)),
            "redis": lambda n: redis.send(text(n), to=recipient(n)),
            "http": lambda n: http.post(message(n)),
        }


def _send_paced(send: Send, first: int, number: int) -> dict[str, float]:
    """Send `number` messages at `PER_SECOND`; return the time of each call in seconds since the epoch."""
    start = time.monotonic()
    called: dict[str, float] = {}
    for n in range(number):
        time.sleep(max(0.0, start + n / PER_SECOND - time.monotonic()))
        called[recipient(first + n)] = time.time()
        send(first + n)
    return called
