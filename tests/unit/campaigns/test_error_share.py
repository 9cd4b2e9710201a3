"""The rule by which a campaign pauses itself."""

from __future__ import annotations

import pytest

from harkara.campaigns import pause_reason


def outcomes(good: int, bad: int, code: str = "131026") -> list[str | None]:
    return [*[None] * good, *[code] * bad]


@pytest.mark.parametrize(
    ("good", "bad", "paused"),
    [(0, 0, False), (0, 19, False), (18, 2, False), (17, 3, True), (0, 20, True), (90, 10, False), (89, 11, True)],
)
def test_more_than_a_tenth_of_at_least_twenty_failures_pauses(good: int, bad: int, paused: bool) -> None:
    assert bool(pause_reason(outcomes(good, bad))) is paused


def test_only_the_latest_outcomes_count() -> None:
    assert pause_reason(outcomes(5_000, 11))
    assert pause_reason([*outcomes(0, 50), *outcomes(100, 0)]) is None


def test_share_and_numbers_can_be_set() -> None:
    assert pause_reason(outcomes(71, 29), share=0.29) is None
    assert pause_reason(outcomes(70, 30), share=0.29)
    assert pause_reason(outcomes(4, 6), share=0.5, last=10, least=10)


def test_the_sentence_names_the_most_common_codes_and_the_next_step() -> None:
    failed = [*outcomes(80, 9, "132000"), *outcomes(0, 6, "131026"), *outcomes(0, 3, "470"), *outcomes(2, 1, "1")]
    assert pause_reason(failed) == (
        "19 of the last 100 messages failed, more than 10 %; most common: 132000 (9), 131026 (6), 470 (3). "
        "Correct the template or the list, then resume."
    )
