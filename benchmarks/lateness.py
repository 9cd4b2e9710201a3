"""A message that is due in some seconds, on a lane with nothing else to do."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

from benchmarks.figures import Figure, lateness
from benchmarks.ground import Ground
from benchmarks.letters import recipient, text
from harness.waiting import wait_until

EVERY = 0.25


def measure(ground: Ground, quick: bool) -> list[Figure]:
    """Each is scheduled two to four seconds ahead."""
    number = 8 if quick else 40
    chance = random.Random(7)
    due: dict[str, float] = {}
    with ground.harkara(limit="80/1s") as harkara, harkara.client() as client:
        harkara.start_workers()
        for n in range(number):
            at = datetime.now(UTC) + timedelta(seconds=2 + 2 * chance.random())
            due[recipient(n)] = at.timestamp()
            client.send(text(n), to=recipient(n), at=at)
            time.sleep(EVERY)
        wait_until(lambda: harkara.api.seen() >= number, 30, "every POST")
        arrivals = harkara.api.arrivals()
    late = [arrivals[to] - at for to, at in due.items()]
    assert min(late) >= -0.01, "nothing may go before it is due"
    return lateness("a due message on an idle lane, lateness", late, p50=None, p99=1.5, unit="s")
