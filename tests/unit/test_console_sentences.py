"""Sentences that the product writes into rows: each has a Hindi one, which the pages find by its template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from harkara.console.languages import LOCALES, language
from harkara.console.sentences import Sentences, load_sentences
from harkara.goals import Goals
from harkara.ledger.occasions.queries import _ALREADY_SENT_REASON
from harkara.ledger.occasions.rows import superseded_reason
from harkara.message_groups import _LABELS, GroupedMessages, Hold, describe
from harkara.occasions.schedule import REASONS
from harkara.states import State

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 29, 10, 5, tzinfo=UTC)
HINDI = load_sentences(LOCALES / "hi" / "sentences")

_LATIN = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,}){2}")
"""Three English words in a row."""


def why_groups() -> Iterator[str]:
    for state, hold, code in product(
        State, [None, *get_args(Hold)], [None, *_LABELS, "campaign-paused", "campaign-ready"]
    ):
        for hours, until in ((0, None), (1, None), (30, NOW)):
            later = NOW + timedelta(hours=hours)
            resend = later if until else None
            group = GroupedMessages("shop", state, code, hold, "camp_1", 1234, NOW, later, None, resend, "नहीं", until)
            found = describe(group, NOW, ZoneInfo("Asia/Kolkata"), exact=until is None)
            yield from filter(None, (found.sentence, found.remedy))


def alarms() -> Iterator[str]:
    for goal in Goals.load(ROOT / "config" / "goals.toml").by_name.values():
        for value in (0.98, 47.0, 8000.0, 200_000.0):
            yield goal.sentence(value)


def reminders() -> Iterator[str]:
    yield from REASONS.values()
    yield _ALREADY_SENT_REASON
    for status, reason in product(("open", "cancelled", "completed", "no-show"), (None, "बीमार")):
        yield superseded_reason({"kind": "visit", "status": status, "reason": reason})


@pytest.mark.parametrize("sentences", [why_groups, alarms, reminders])
def test_every_sentence_of_the_product_has_a_hindi_one(sentences: object) -> None:
    assert callable(sentences)
    found = {text: language("hi").said(text) for text in sentences()}
    assert [text for text, said in found.items() if said is None or _LATIN.search(said)] == []


def test_every_template_is_of_a_sentence_that_the_product_writes() -> None:
    written = {text for sentences in (why_groups, alarms, reminders) for text in sentences()}
    unused = []
    for text in HINDI:
        others = Sentences({each: said for each, said in HINDI.items() if each != text})
        if all(others.find(each) == language("hi").said(each) for each in written):
            unused.append(text)
    assert unused == []


def test_placeholders_are_those_of_the_english_sentence() -> None:
    for text, said in HINDI.items():
        places = [sorted(re.findall(r"%\(\w+\)s|`[^`]*`", each)) for each in (text, said)]
        assert places[0] == places[1], text


def test_what_an_operator_wrote_stays_and_other_texts_have_no_translation() -> None:
    said = language("hi").said
    found = said("3 wait: lane shop is parked: The price is wrong.")
    assert found == "3 प्रतीक्षा में हैं: लेन shop रोकी गई है: The price is wrong."
    assert said("The price is wrong.") is None
    assert said("I wait for 2 days") is None
    assert language("en").said("quiet hours") is None
