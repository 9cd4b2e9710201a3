"""The file of goals: its faults are named, and a goal says in a sentence what was measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.environment import ROOT
from harkara.errors import Invalid
from harkara.goals import Goals
from harkara.goals.duration import format_seconds


def load(tmp_path: Path, content: str) -> Goals:
    file = tmp_path / "goals.toml"
    file.write_text(content)
    return Goals.load(file)


def test_the_file_of_the_project_has_every_goal() -> None:
    goals = Goals.load(ROOT / "config" / "goals.toml")
    assert [*goals.by_name] == [
        "delivered",
        "delivery-time",
        "oldest-due",
        "uncertain",
        "errors",
        "webhooks",
        "budget",
        "redis-memory",
        "disk",
        "beat",
        "assistant-time",
        "assistant-delivered",
        "assistant-hand-over",
        "assistant-failed",
        "assistant-model",
        "assistant-price",
    ]
    limits = [each.limit for each in goals.by_name.values()]
    assert limits == [0.98, 30, 60, 0, 5, 900, 0.8, 0.5, 0.9, 60, 3, 0.98, 0.15, 5, 1, 1]


def test_without_a_file_or_a_section_nothing_is_watched(tmp_path: Path) -> None:
    assert Goals.load(tmp_path / "none.toml").by_name == {}
    assert [*load(tmp_path, "[errors]\nmost = 5\nperiod = '1h'\n").by_name] == ["errors"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[beats]\nmost = '60s'\n", "goals.toml, beats: Extra inputs are not permitted"),
        ("[beat]\nmost = 60\n", "goals.toml, beat.most: must be a duration of 1 second to 31 days, such as 30s"),
        ("[beat]\nmost = '0s'\n", "goals.toml, beat.most: must be a duration of 1 second to 31 days, such as 30s"),
        ("[disk]\nmost = 90\n", "goals.toml, disk.most: Input should be less than or equal to 1"),
        ("[errors]\nmost = 5\n", "goals.toml, errors.period: Field required"),
        ("[errors\n", "goals.toml"),
    ],
)
def test_a_fault_is_named_with_its_entry(tmp_path: Path, content: str, problem: str) -> None:
    with pytest.raises(Invalid) as error:
        load(tmp_path, content)
    assert str(error.value).startswith(problem)


def test_a_goal_says_what_was_measured_and_the_limit(tmp_path: Path) -> None:
    goals = load(tmp_path, "[budget]\nmost = 0.8\n[beat]\nmost = '90s'\n").by_name
    assert goals["budget"].sentence(0.913) == "91.3 % of the budget is spent; the goal is at most 80 %."
    assert goals["beat"].sentence(3600) == "Beat, Redis and a worker last worked together 1 h ago; the goal is 90 s."
    assert [goals["beat"].is_missed(value) for value in (None, 90, 91)] == [False, False, True]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "0.5 s"),
        (45, "45 s"),
        (60, "1 min"),
        (90, "90 s"),
        (720, "12 min"),
        (12_600, "3.5 h"),
        (172_800, "2 days"),
    ],
)
def test_seconds_are_shown_in_a_unit_that_people_read(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
