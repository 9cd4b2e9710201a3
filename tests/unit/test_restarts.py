"""Which process starts again, and after how long."""

from __future__ import annotations

import signal

import pytest

from workers.restarts import RestartPolicy, sentence


def test_a_process_that_ends_at_once_is_not_started_again() -> None:
    assert RestartPolicy().delay(1, 0.5) is None


@pytest.mark.parametrize("status", [-signal.SIGKILL, 128 + signal.SIGKILL, -signal.SIGSEGV])
def test_a_process_that_a_signal_ended_starts_again_however_short_it_ran(status: int) -> None:
    assert RestartPolicy().delay(status, 0.5) == 1


def test_a_process_that_ran_well_once_starts_again_whatever_happens() -> None:
    """A worker cannot start while the database is away, and the database returns."""
    policy = RestartPolicy()
    assert policy.delay(0, 3600) == 1
    assert [policy.delay(1, 0.5) for _ in range(6)] == [2, 4, 8, 16, 30, 30]
    assert policy.delay(1, 29) == 30
    assert policy.delay(1, 31) == 1
    assert policy.delay(1, 0.5) == 2


def test_the_sentence_names_the_signal_and_the_time() -> None:
    killed = "was ended by SIGKILL; the system does that when memory runs out. It starts again in 1 s."
    assert sentence(-9, 1) == sentence(137, 1) == killed
    assert sentence(1, 30) == "ended with status 1. It starts again in 30 s."
