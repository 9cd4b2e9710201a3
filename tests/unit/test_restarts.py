"""When a process starts again."""

from __future__ import annotations

from workers.restarts import RestartPolicy, sentence


def test_a_process_that_ends_at_once_starts_again_after_a_growing_delay() -> None:
    policy = RestartPolicy()
    assert [policy.delay(0.5) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert policy.delay(29) == 30
    assert policy.delay(31) == 1
    assert policy.delay(0.5) == 2


def test_the_sentence_names_the_signal_and_the_time() -> None:
    killed = "was ended by SIGKILL; the system does that when memory runs out. It starts again in 1 s."
    assert sentence(-9, 1) == sentence(137, 1) == killed
    assert sentence(1, 30) == "ended with status 1. It starts again in 30 s."
