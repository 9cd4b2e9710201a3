"""The bounds of Redis' clock: answers narrow them, drift widens them, and a clock that was set replaces them."""

from __future__ import annotations

import random

import pytest

from harkara.limits.clock import DRIFT, MAX_UNCERTAINTY, ServerClock

AHEAD = 1_000.0


def test_one_answer_bounds_the_clock_by_its_round_trip() -> None:
    clock = ServerClock()
    clock.observe(AHEAD + 5.010, requested_at=5.0, answered_at=5.020)
    assert clock.local(AHEAD + 6.0) == pytest.approx((5.990, 6.010))
    assert clock.uncertain


def test_several_answers_give_narrower_bounds_than_each_of_them() -> None:
    clock = ServerClock()
    clock.observe(AHEAD + 5.0001, requested_at=5.0, answered_at=5.020)  # the server booked after it read its clock
    clock.observe(AHEAD + 5.0399, requested_at=5.030, answered_at=5.040)  # the request waited before it
    earliest, latest = clock.local(AHEAD + 6.0)
    assert earliest <= 6.0 <= latest
    assert latest - earliest < MAX_UNCERTAINTY
    assert not clock.uncertain


def test_the_bounds_widen_by_the_drift_as_time_passes() -> None:
    clock = ServerClock()
    clock.observe(AHEAD + 5.0, requested_at=5.0, answered_at=5.0)
    clock.observe(AHEAD + 105.5, requested_at=105.0, answered_at=106.0)
    earliest, latest = clock.local(AHEAD + 106.0)
    assert latest - earliest == pytest.approx(2 * 101 * DRIFT, rel=0.01)


def test_a_clock_that_was_set_replaces_the_bounds_at_once() -> None:
    clock = ServerClock()
    clock.observe(AHEAD + 5.0, requested_at=4.999, answered_at=5.001)
    clock.observe(AHEAD - 60.0 + 6.0, requested_at=5.999, answered_at=6.001)
    earliest, latest = clock.local(AHEAD - 60.0 + 7.0)
    assert earliest <= 7.0 <= latest


def test_the_true_time_always_lies_within_the_bounds() -> None:
    chance = random.Random(7)
    for _ in range(50):
        clock, local, rate = ServerClock(), 100.0, 1 + chance.uniform(-0.8, 0.8) * DRIFT
        for _ in range(200):
            local += chance.expovariate(1.0)
            requested_at, read_at = local, local + chance.expovariate(200.0)
            local = read_at + chance.expovariate(200.0)
            clock.observe(AHEAD + read_at * rate, requested_at, local)
            soon = local + 0.1
            earliest, latest = clock.local(AHEAD + soon * rate)
            assert earliest - 1e-4 <= soon <= latest + 1e-4, "within the drift of a tenth of a second"
