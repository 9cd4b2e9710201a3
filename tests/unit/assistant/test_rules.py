"""config/assistant.toml says which customers the assistant answers."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config.environment import ROOT
from harkara.assistant.model_rules import ModelRules
from harkara.assistant.rules import AssistantRules, share_of
from harkara.errors import Invalid

ANA = "919876543210"


def rules(**values: object) -> AssistantRules:
    return AssistantRules.model_validate({"lanes": ["default"], **values})


def test_the_file_that_ships_answers_no_one() -> None:
    shipped = AssistantRules.load(ROOT / "config" / "assistant.toml")
    assert shipped.model_copy(update={"model": ModelRules()}) == AssistantRules()
    assert not shipped.model.enabled
    assert not shipped.answers("default", "p1", ANA)


def test_without_a_file_the_assistant_is_off(tmp_path: Path) -> None:
    assert AssistantRules.load(tmp_path / "assistant.toml").lanes == ()


def test_a_lane_that_is_not_named_is_not_answered() -> None:
    assert rules().answers("default", "p1", ANA)
    assert not rules().answers("north", "p1", ANA)


def test_a_share_answers_that_part_of_the_people_and_keeps_them_as_it_grows() -> None:
    people = [f"person_{number}" for number in range(2_000)]
    tenth = {each for each in people if rules(share=0.1).answers("default", each, ANA)}
    half = {each for each in people if rules(share=0.5).answers("default", each, ANA)}
    assert 150 < len(tenth) < 250
    assert 900 < len(half) < 1_100
    assert tenth < half
    assert not any(rules(share=0).answers("default", each, ANA) for each in people)
    assert all(0 <= share_of("default", each) < 1 for each in people)


def test_numbers_alone_are_answered_whatever_the_share() -> None:
    team = rules(share=0, only=["+91 98765 43210"])
    assert team.answers("default", "p1", ANA)
    assert not team.answers("default", "p1", "919876543211")
    assert not team.answers("default", "p1", None)


def test_own_numbers_are_never_answered() -> None:
    own = rules(**{"own-numbers": ["+919876543210"], "only": ["+919876543210"]})
    assert not own.answers("default", "p1", ANA)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('mode = "loud"', "assistant.toml, mode"),
        ("share = 2", "assistant.toml, share"),
        ('only = ["12"]', "assistant.toml, only.0: is too short"),
        ('debounce = "2s"\ndebounce-limit = "1s"', "debounce-limit must be at least as long as debounce"),
        ("most-unanswered = 0", "assistant.toml, most-unanswered"),
        ("lane = []", "assistant.toml, lane: Extra inputs"),
        ('[sentences.hi]\nthanks = "स्वागत welcome"', "mixes Devanagari and Latin"),
        ('[sentences.en]\nthanks = "{name}"', "may have {business}"),
        ('[sentences.fr]\nthanks = "Merci"', "sentences.fr"),
        ('[business]\nname-hi = "Asha"', "name-hi must be in Devanagari"),
        ('[hours]\nmonday = ["19-10"]', "hours.monday.0"),
    ],
)
def test_a_mistake_names_its_entry(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "assistant.toml"
    path.write_text(text)
    with pytest.raises(Invalid, match=problem):
        AssistantRules.load(path)


def test_a_file_may_replace_one_sentence_and_keep_the_others(tmp_path: Path) -> None:
    path = tmp_path / "assistant.toml"
    path.write_text('[sentences.en]\nthanks = "Any time!"')
    english = AssistantRules.load(path).sentences.en
    assert (english.thanks, english.hello) == ("Any time!", AssistantRules().sentences.en.hello)


def test_durations_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "assistant.toml"
    path.write_text('give-back = "1h"')
    assert AssistantRules.load(path).give_back == timedelta(hours=1)
