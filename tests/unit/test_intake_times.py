"""When an entry of the intake was appended, by the clock of the process that reads it."""

from __future__ import annotations

import pytest

from harkara.intake.entries import ReadBegin


@pytest.mark.parametrize(
    ("stream_id", "at"),
    [
        ("1000500-0", 5.0),  # at the moment of the two clocks
        ("1000250-3", 4.75),  # before it
        ("1003000-0", 7.5),  # in the wait after it
        ("1009000-0", 8.0),  # ahead of both clocks: not after now
    ],
)
def test_an_entry_is_as_old_as_its_id_says(stream_id: str, at: float) -> None:
    begin = ReadBegin.of((1000, 500_000), local=5.0)
    assert begin.local_time(stream_id, now=8.0) == pytest.approx(at)


def test_the_answer_that_came_faster_is_the_closer_one() -> None:
    slow, fast = ReadBegin.of((1000, 500_000), local=4.9), ReadBegin.of((1000, 600_000), local=5.09)
    assert max(slow, fast, key=lambda each: each.difference) is fast
