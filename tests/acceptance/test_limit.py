"""The limit holds: no window of the account is ever too full, and under a backlog hardly a place in one stays empty."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.acceptance.deployment import Deployment, deployment
from tests.acceptance.mail import mails
from tests.acceptance.process import until
from tests.services import Server

COUNT, WINDOW = 20, 2.0
LIMIT = f"{COUNT}/{WINDOW:g}s"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_eight_workers_use_the_whole_allowance_and_no_more(
    tmp_path: Path, redis_server: Server, database_url: str
) -> None:
    handed_over = mails(340, ("reply", "utility"))
    with deployment(tmp_path, redis_server, database_url, HARKARA_ALLOWANCE=LIMIT, HARKARA_LEASE="10") as harkara:
        harkara.sandbox.faults(limit=LIMIT)
        harkara.start_workers(8, HARKARA_THREADS="8", HARKARA_CHUNKS="4")
        harkara.hand_over(handed_over)
        assert harkara.wait_settled(340, 90) == {"accepted": 340}
        assert_limit_held(harkara)
        print("USED", used(harkara), harkara.sandbox.counts(WINDOW)["most_received_in_window"])
        assert used(harkara) >= 0.97


def assert_limit_held(harkara: Deployment) -> None:
    """By the account's own limit, which says 429, and by its history."""
    counts = harkara.sandbox.counts(WINDOW)
    assert counts["refused"] == 0
    assert counts["most_received_in_window"] <= COUNT


def used(harkara: Deployment) -> float:
    """The share of the allowance, from the end of the first window to the beginning of the last."""
    times = [datetime.fromisoformat(request["received_at"]).timestamp() for request in harkara.sandbox.requests()]
    steady = times[COUNT:-COUNT]
    return (len(steady) - 1) / (steady[-1] - steady[0]) * WINDOW / COUNT
