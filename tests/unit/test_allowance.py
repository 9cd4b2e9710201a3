"""The allowance: which values are valid, and how the setting is parsed."""

from __future__ import annotations

import pytest

from harkara.errors import Invalid
from harkara.limits import Allowance


@pytest.mark.parametrize("text", ["20/60s", "80/1s", "3/0.5s"])
def test_an_allowance_prints_as_it_was_parsed(text: str) -> None:
    assert str(Allowance.parse(text)) == text


def test_spaces_and_capitals_are_accepted() -> None:
    assert Allowance.parse(" 20 / 60 S ") == Allowance(20, 60.0)


def test_none_means_no_limit() -> None:
    assert Allowance.parse("none") is None


def test_burst_gap_and_reserve_are_passed_on() -> None:
    assert Allowance.parse("20/60s", burst=2, gap=1.5, reserve=0.2) == Allowance(20, 60.0, 2, 1.5, 0.2)


@pytest.mark.parametrize(
    "text", ["", "20", "20/60", "20/min", "-1/60s", "1e3/60s", "²/60s", "20/0s", "0/60s", "99999/1s"]
)
def test_an_invalid_allowance_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="allowance"):
        Allowance.parse(text)


@pytest.mark.parametrize(("field", "value"), [("burst", 0), ("gap", -1.0), ("gap", 61.0), ("reserve", 1.0)])
def test_a_field_out_of_range_is_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(Invalid, match=field):
        Allowance(20, 60.0, **{field: value})  # type: ignore[arg-type]  # one of them is a whole number


@pytest.mark.parametrize(
    ("count", "reserve", "reserved"), [(20, 0.1, 2), (20, 0.0, 0), (5, 0.1, 1), (1, 0.1, 0), (2, 0.9, 1), (80, 0.1, 8)]
)
def test_the_reserve_is_at_least_one_message_but_never_all(count: int, reserve: float, reserved: int) -> None:
    assert Allowance(count, 60.0, reserve=reserve).reserved == reserved
