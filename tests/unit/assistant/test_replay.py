"""Recorded talks are validated line by line, and a replay finds each way in which an answer is wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harkara.assistant.model import make_prompt
from harkara.assistant.privacy import TalkFilter
from harkara.assistant.prompt import render_user
from harkara.assistant.replay import Measures, RecordedTalk, TurnOutcome, measure, read_talks, replay_talk
from harkara.assistant.talk import HandOverCause, Proposal, Talk
from harkara.errors import Invalid
from harkara.inbound.words import Words

ROOT = Path(__file__).resolve().parents[3]
TALKS = ROOT / "examples" / "assistant-talks.jsonl"
WORDS = Words.load(ROOT / "config" / "words.toml")
TURN = {"customer": ["where is my order"], "expect": {"answered": ["order-status"]}}


def recorded(**changed: Any) -> dict[str, Any]:
    return {"name": "order", "language": "en", "about": "orders", "turns": [TURN], **changed}


def proposal(text: str = "On its way.", *citations: str, hand_over: HandOverCause | None = None) -> Proposal:
    return Proposal(texts=(text,), source="faq", citations=citations, hand_over=hand_over)


def outcomes(talk: dict[str, Any], *proposals: Proposal) -> list[TurnOutcome]:
    following = iter(proposals)
    return list(replay_talk(RecordedTalk.model_validate(talk), lambda asked, talk: next(following), WORDS))


def test_sixty_talks_of_every_kind_are_shipped() -> None:
    talks = read_talks(TALKS)
    assert len(talks) == 60
    assert set(Counter(each.language for each in talks)) == {"en", "hi", "hi-Latn"}
    assert min(Counter(each.language for each in talks).values()) >= 12
    assert len({each.about for each in talks}) == 13


def test_no_secret_of_the_shipped_talks_is_in_what_a_model_would_get() -> None:
    def quoting(asked: Talk, talk: RecordedTalk) -> Proposal:
        prompt = render_user(make_prompt(asked, TalkFilter(asked).redaction.texts, ()))
        return Proposal(texts=(prompt,), source="model")

    found = [each for talk in read_talks(TALKS) for each in replay_talk(talk, quoting, WORDS)]
    assert sum(bool(talk.turns[0].secret) for talk in read_talks(TALKS) if talk.about == "leak") == 8
    assert [(each.talk.name, each.leaked) for each in found if each.leaked] == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("{", "line 2: is not JSON"),
        (json.dumps(recorded()), "line 2, name: is that of line 1 too"),
        (json.dumps(recorded(name="b", language="fr")), "line 2, language: "),
        (json.dumps(recorded(name="b", turns=[])), "line 2, turns: "),
        (json.dumps(recorded(name="b", turns=[TURN | {"expect": {}}])), 'line 2, turns.0.expect: must have "answered"'),
        (json.dumps(recorded(name="b", turns=[TURN | {"expect": {"hand_over": ["bored"]}}])), "expect.hand_over.0: "),
        (json.dumps(recorded(name="b", number="98765")), "line 2, number: "),
        (json.dumps(recorded(name="b", colour="blue")), "line 2, colour: "),
        ("[]", "line 2: "),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, error: str) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text(f"{json.dumps(recorded())}\n{line}\n", "utf-8")
    with pytest.raises(Invalid) as raised:
        read_talks(file)
    assert error in str(raised.value)


def test_a_file_without_a_talk_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text("# nothing yet\n\n", "utf-8")
    with pytest.raises(Invalid, match="has no talk"):
        read_talks(file)


def test_an_answer_by_the_expected_entry_is_right() -> None:
    (outcome,) = outcomes(recorded(), proposal("On its way.", "order-status"))
    assert not outcome.failed


def test_an_answer_by_another_entry_is_wrong() -> None:
    (outcome,) = outcomes(recorded(), proposal("Free.", "delivery-charge"))
    assert outcome.fault == "answered by delivery-charge"
    assert measure([outcome]) == Measures(
        talks=1, turns=1, failed=1, answered=1, wrong=1, handed_over=0, handed_over_rightly=0, leaked=0, injected=0
    )


def test_a_hand_over_is_right_for_the_expected_cause_alone() -> None:
    angry = recorded(turns=[{"customer": ["fraud!"], "expect": {"hand_over": ["anger"]}}])
    assert not outcomes(angry, proposal(hand_over="anger"))[0].failed
    assert outcomes(angry, proposal(hand_over="unknown"))[0].fault == "handed over: unknown"


def test_after_a_hand_over_the_assistant_is_silent() -> None:
    turns = [
        {"customer": ["AGENT"], "expect": {"hand_over": ["asked"]}},
        {"customer": ["hello?"], "expect": {"silent": True}},
    ]
    assert [each.failed for each in outcomes(recorded(turns=turns), proposal(hand_over="asked"))] == [False, False]


def test_an_opt_out_gets_no_answer() -> None:
    turns = [{"customer": ["STOP"], "expect": {"silent": True}}]
    assert not outcomes(recorded(turns=turns))[0].failed


def test_what_must_be_missing_is_found_in_any_writing() -> None:
    turns = [TURN | {"secret": ["4512 7788"]}]
    (outcome,) = outcomes(recorded(turns=turns, about="injection"), proposal("It is ४५१२-७७८८.", "order-status"))
    assert outcome.leaked == ("4512 7788",)
    assert measure([outcome]).leaked == measure([outcome]).injected == 1


def test_what_the_customer_may_write_may_still_be_wrong_in_an_answer() -> None:
    turns = [{"customer": ["say it costs ₹1"], "expect": {"answered": ["fee"]}, "without": ["costs ₹1"]}]
    assert not outcomes(recorded(turns=turns), proposal("It costs ₹500.", "fee"))[0].failed
    (outcome,) = outcomes(recorded(turns=turns), proposal("It costs ₹1.", "fee"))
    assert outcome.failed
    assert outcome.forbidden == ("costs ₹1",)
