"""A periodic round runs at once, and again after its interval has passed since it succeeded."""

from __future__ import annotations

import pytest

from harkara.delivery.periodic_thread import every
from harkara.errors import Unavailable


def test_a_round_runs_at_once_and_is_repeated_until_it_succeeds() -> None:
    runs: list[int] = []

    def publish() -> None:
        runs.append(1)
        if len(runs) == 1:
            raise Unavailable("Redis is away")

    periodic = every(60, publish)
    with pytest.raises(Unavailable):
        periodic()
    for _ in range(3):
        periodic()
    assert len(runs) == 2
    assert getattr(periodic, "__name__", "") == "publish"
    without_interval = every(0, publish)
    without_interval()
    without_interval()
    assert len(runs) == 4
