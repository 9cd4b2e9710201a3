"""Questions without an answer are counted by what they ask, without what is personal in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harkara.assistant.knowledge.gaps import Unanswered, group_gaps

START = datetime(2026, 11, 29, 9, tzinfo=UTC)


def asked(*texts: str, minute: int = 0, name: str | None = None) -> Unanswered:
    return Unanswered(at=START + timedelta(minutes=minute), texts=texts, number="919876500001", name=name)


def shown(*questions: Unanswered) -> list[tuple[str, int]]:
    return [(gap.question, gap.times) for gap in group_gaps(questions)]


def test_the_most_frequent_question_is_first_in_its_newest_spelling() -> None:
    found = group_gaps(
        [
            asked("Do you sell gift cards?", minute=2),
            asked("is there WIFI", minute=1),
            asked("Is there wifi??", minute=3),
            asked("who is the owner", minute=4),
        ]
    )
    assert [(gap.question, gap.times) for gap in found] == [
        ("Is there wifi??", 2),
        ("who is the owner", 1),
        ("Do you sell gift cards?", 1),
    ]
    assert found[0].last_at == START + timedelta(minutes=3)


def test_questions_that_differ_in_their_numbers_are_one() -> None:
    assert shown(asked("swap ORD-1042"), asked("swap ORD-77", minute=1)) == [("swap ORD-#", 2)]
    assert shown(asked("स्लॉट १२ चाहिए")) == [("स्लॉट # चाहिए", 1)]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my card 4111 1111 1111 1111 fails", "my card [card] fails"),
        ("write to asha@example.com", "write to [email]"),
        ("call me on 98765 00001", "call me on [own-number]"),
        ("call my son on 98765 43210", "call my son on [phone]"),
    ],
)
def test_what_is_personal_is_a_placeholder(text: str, masked: str) -> None:
    assert shown(asked(text)) == [(masked, 1)]


def test_the_name_of_the_person_is_masked() -> None:
    assert shown(asked("this is Meera, is there wifi", name="Meera")) == [("this is [name], is there wifi", 1)]


def test_a_burst_is_one_question_on_one_line() -> None:
    assert shown(asked("hello", "is there\nwifi")) == [("hello is there wifi", 1)]


def test_a_question_without_words_is_left_out() -> None:
    assert shown(asked(), asked("?!")) == []
