"""One message on an idle system: from just before `Client.send` to the arrival of its POST."""

from __future__ import annotations

import time
from statistics import median

from benchmarks import race
from benchmarks.figures import Figure, at_most, lateness
from benchmarks.ground import Ground
from benchmarks.letters import recipient, text
from harkara import Client
from harness.waiting import wait_until

PER_SECOND = 20


def measure(ground: Ground, quick: bool) -> list[Figure]:
    """The doors take turns in blocks of two or five seconds."""
    blocks, block = (1, 40) if quick else (4, 100)
    found: dict[str, list[float]] = {"ledger": [], "intake": []}
    with ground.harkara(appendfsync="always") as harkara:
        harkara.start_workers()
        doors = {"ledger": harkara.client(), "intake": harkara.intake_client()}
        handed: dict[str, dict[str, float]] = {name: {} for name in doors}
        first = 0
        for turn in range(blocks + 1):
            for name, client in doors.items():
                at = _paced(client, first, block if turn else PER_SECOND)
                first += len(at)
                handed[name] |= at if turn else {}  # the first turn opens the connections
        wait_until(lambda: harkara.api.seen() >= first, 30, "every POST")
        arrivals = harkara.api.arrivals()
        for client in doors.values():
            client.close()
        harkara.check()
    found = {name: [arrivals[to] - at for to, at in sent.items()] for name, sent in handed.items()}
    celery = race.paced_celery(ground, blocks * block, PER_SECOND)
    return [
        *lateness("one message, ledger door to POST", found["ledger"], p50=10, p99=30),
        *lateness("one message, intake stream to POST", found["intake"], p50=None, p99=60),
        Figure("one message, plain Celery task to POST, p50", "ms", [1000 * median(celery)]),
        Figure("ledger door / plain Celery, p50", "×", [median(found["ledger"]) / median(celery)], at_most(2.5)),
    ]


def _paced(client: Client, first: int, number: int) -> dict[str, float]:
    """When each recipient's message was handed over, seconds since the epoch."""
    start = time.monotonic()
    handed: dict[str, float] = {}
    for n in range(number):
        time.sleep(max(0.0, start + n / PER_SECOND - time.monotonic()))
        to = recipient(first + n)
        handed[to] = time.time()
        client.send(text(n), to=to)
    return handed
