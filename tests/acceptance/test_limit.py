"""The limit: many workers share one lane, and no window ever holds more than it may, whatever happens to Redis."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest

from harkara.intake import connect
from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import mails
from tests.services import Server

COUNT, WINDOW = 20, 2.0
LIMIT = f"{COUNT}/{WINDOW:g}s"
SECONDS = 30


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_eight_workers_use_a_lane_to_the_full_and_never_beyond(
    tmp_path: Path, redis_server: Server, database_url: str
) -> None:
    most = int(SECONDS / WINDOW * COUNT)
    handed_over = mails(most + 120, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_ALLOWANCE=LIMIT, HARKARA_THREADS="8") as harkara:
        harkara.sandbox.faults(limit=LIMIT)
        harkara.start_workers(8)
        harkara.hand_over(handed_over)
        harkara.wait_accepted(most, 2 * SECONDS)
        assert accepted_within(harkara, SECONDS) >= 0.97 * most
        with busy(3):
            harkara.wait_accepted(most + 40)
            connect(redis_server.url, seconds=3).flushall()
            harkara.wait_accepted(most + 80)
            redis_server.kill9()
            redis_server.start()
            harkara.wait_settled(len(handed_over))
        harkara.examine(handed_over).assert_kept()
        counts = harkara.sandbox.counts(WINDOW)
        assert counts["most_in_window"] <= COUNT
        assert counts["by_outcome"] == {"accepted": len(handed_over)}


def accepted_within(harkara: Deployment, seconds: float) -> int:
    """How many were accepted in the first so many seconds after the first of them."""
    times = harkara.sandbox.times()
    return sum(at < times[0] + seconds for at in times)


@contextmanager
def busy(number: int) -> Iterator[None]:
    """So many processes that want a core each, as on a host that is shared with others."""
    burners = [Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
