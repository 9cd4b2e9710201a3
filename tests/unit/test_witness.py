"""A process judges others by their leases only while it has reached the database itself, without a gap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harkara.delivery.worker_lease import Witness

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(*moments: float) -> Witness:
    witness = Witness()
    for moment in moments:
        witness.observe(at(moment))
    return witness


def test_one_that_renews_without_a_gap_is_reliable() -> None:
    assert seen(0, 2, 4, 6).is_reliable(at(7))


@pytest.mark.parametrize(
    ("moments", "now"),
    [
        ((), 0),
        ((0, 2, 4), 4.9),
        ((0, 2, 4, 6), 12),
        ((0, 2, 4, 6, 18), 18),
        ((0, 2, 4, 6, 18, 20), 22),
        ((0, 2, 4, 6), 3606),
        ((0, 2, 4, 3606), 3608),
        ((3600, 3602, 3604, 3606), 8),
        ((3600, 3602, 3604, 8), 10),
    ],
    ids=[
        "it has not reached the database yet",
        "it has just started",
        "it does not reach the database any more",
        "an outage or a pause has just ended",
        "the others had no time to renew since",
        "the database's clock was set forward",
        "it has been set forward since the last renewal but one",
        "the database's clock was set back",
        "it has been set back since the last renewal but one",
    ],
)
def test_one_with_a_gap_is_not(moments: tuple[float, ...], now: float) -> None:
    assert not seen(*moments).is_reliable(at(now))


def test_one_is_reliable_again_when_the_others_have_had_the_time_to_renew() -> None:
    assert seen(0, 2, 4, 6, 18, 20, 22, 23).is_reliable(at(23.5))
