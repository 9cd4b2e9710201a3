"""Every text of the console is in every language, and numbers and times are written as India writes them."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from harkara.console.languages import LANGUAGES, catalogues, language
from tests.unit.console_texts import texts

TRANSLATED = sorted(LANGUAGES.keys() - {"en"})

_PLACEHOLDER = re.compile(r"%\(\w+\)s|`[^`]*`")


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_has_exactly_the_texts_of_the_pages(code: str) -> None:
    messages = [message for catalogue in catalogues(code) for message in catalogue if message.id]
    catalogue = {message.id: message for message in messages}
    twice = [text for text, count in Counter(str(message.id) for message in messages).items() if count > 1]
    assert twice == [], "in two files"
    assert texts() - catalogue.keys() == set(), "missing"
    assert catalogue.keys() - texts() == set(), "on no page"
    for text, message in catalogue.items():
        translated = str(message.string).strip()
        assert translated
        assert not message.fuzzy
        assert sorted(_PLACEHOLDER.findall(str(text))) == sorted(_PLACEHOLDER.findall(translated))


@pytest.mark.parametrize(("code", "moment"), [("en", "29 Nov 2026, 3:35 pm"), ("hi", "29 नव॰ 2026, 3:35 pm")])
def test_numbers_rupees_and_times_are_those_of_india(code: str, moment: str) -> None:
    words = language(code)
    assert words.number(1234567) == "12,34,567"
    assert [words.number(each) for each in (0, 999.0, 1000, -1, 0.5, Decimal("7.0"))] == [
        *("0", "999", "1,000", "-1", "0.5", "7"),
    ]
    assert words.money(Decimal("123456.5"), "INR") == "₹1,23,456.50"
    assert [words.money(amount, "INR") for amount in (Decimal("0.345"), 0.345, 0.125)] == ["₹0.35", "₹0.35", "₹0.13"]
    assert (words.count(10_000), words.count(10_001)) == ("10,000", "10,000+")
    local = datetime(2026, 11, 29, 10, 5, tzinfo=UTC).astimezone(ZoneInfo("Asia/Kolkata"))
    assert words.moment(local).lower() == moment.lower()
