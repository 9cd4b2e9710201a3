"""Redis' clock by ours: answers narrow it down, drift widens it, and a clock that was set is believed."""

from __future__ import annotations

import random

import pytest

from harkara.limits.clock import DRIFT, VAGUE, ServerClock

AHEAD = 1_000.0


def test_one_answer_says_no_more_than_how_long_it_took() -> None:
    clock = ServerClock()
    clock.saw(AHEAD + 5.010, asked=5.0, answered=5.020)
    assert clock.here(AHEAD + 6.0) == pytest.approx((5.990, 6.010))
    assert clock.vague


def test_answers_together_say_more_than_each_of_them() -> None:
    clock = ServerClock()
    clock.saw(AHEAD + 5.0001, asked=5.0, answered=5.020)  # booked for long after its look at the clock
    clock.saw(AHEAD + 5.0399, asked=5.030, answered=5.040)  # waited for long before it
    earliest, latest = clock.here(AHEAD + 6.0)
    assert earliest <= 6.0 <= latest
    assert latest - earliest < VAGUE
    assert not clock.vague


def test_what_was_known_is_worth_less_as_time_passes() -> None:
    clock = ServerClock()
    clock.saw(AHEAD + 5.0, asked=5.0, answered=5.0)
    clock.saw(AHEAD + 105.5, asked=105.0, answered=106.0)
    earliest, latest = clock.here(AHEAD + 106.0)
    assert latest - earliest == pytest.approx(2 * 101 * DRIFT, rel=0.01)


def test_a_clock_that_was_set_is_believed_at_once() -> None:
    clock = ServerClock()
    clock.saw(AHEAD + 5.0, asked=4.999, answered=5.001)
    clock.saw(AHEAD - 60.0 + 6.0, asked=5.999, answered=6.001)
    earliest, latest = clock.here(AHEAD - 60.0 + 7.0)
    assert earliest <= 7.0 <= latest


def test_the_truth_always_lies_within_the_bounds() -> None:
    chance = random.Random(7)
    for _ in range(50):
        clock, ours, rate = ServerClock(), 100.0, 1 + chance.uniform(-0.8, 0.8) * DRIFT
        for _ in range(200):
            ours += chance.expovariate(1.0)
            asked, looked = ours, ours + chance.expovariate(200.0)
            ours = looked + chance.expovariate(200.0)
            clock.saw(AHEAD + looked * rate, asked, ours)
            soon = ours + 0.1
            earliest, latest = clock.here(AHEAD + soon * rate)
            assert earliest - 1e-4 <= soon <= latest + 1e-4, "within the drift of a tenth of a second"
