"""Dates and times in texts: what is understood, what contradicts, and what is left to people."""

from __future__ import annotations

from datetime import date, time

import pytest

from harkara.occasions.durations import is_other_duration
from harkara.occasions.local_text import date_text, locale_of, time_text
from harkara.occasions.readings import is_other_date, is_other_time

HINDI = locale_of("hi", "Asia/Kolkata")
TUESDAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    "text",
    [
        "24 November",
        "24 Nov",
        "Nov 24",
        "24th of November, 2026",
        "Tuesday, 24 November",
        "Tue",
        "2026-11-24",
        "24/11/2026",
        "11/24/26",
        "24.11.",
        "24 Nov 26",
        "24 नवंबर 2026",
        "२४ नवंबर",
        # Not understood, so left to people.
        "tomorrow",
        "24-26 November",
        "next week",
        "November",
        "24",
        "soon, 3 May",
        "3",
        "",
    ],
)
def test_a_text_that_agrees_or_has_no_one_meaning_is_no_contradiction(text: str) -> None:
    assert not is_other_date(text, TUESDAY, HINDI)


@pytest.mark.parametrize(
    "text",
    [
        "25 November",
        "24 Nov 2027",
        "Monday, 24 November",
        "Wed",
        "2026-12-05",
        "05/12/2026",
        "25/11",
        "24 दिसंबर",
    ],
)
def test_another_date_is_a_contradiction(text: str) -> None:
    assert is_other_date(text, TUESDAY, HINDI)


def test_a_date_in_digits_that_has_two_readings_contradicts_if_both_do() -> None:
    assert not is_other_date("05/12/2026", date(2026, 12, 5), HINDI)
    assert not is_other_date("05/12/2026", date(2026, 5, 12), HINDI)
    assert is_other_date("05/12/2026", date(2026, 5, 13), HINDI)


@pytest.mark.parametrize(
    "text",
    [
        "16:00",
        "4:00",
        "4 pm",
        "4:00 PM",
        "4 p.m.",
        "16.00 hrs",
        "16h00",
        "4:00\u202fPM",
        # Not understood, so left to people.
        "10",
        "at ten",
        "16:00–17:00",
        "10:30 IST",
        "morning",
        "25:00",
        "",
    ],
)
def test_a_time_that_agrees_or_has_no_one_meaning_is_no_contradiction(text: str) -> None:
    assert not is_other_time(text, time(16), HINDI)


@pytest.mark.parametrize("text", ["10:30", "04:00", "4 am", "noon", "10 AM", "16:30", "10:30 hrs", "4:01 pm"])
def test_another_time_is_a_contradiction(text: str) -> None:
    assert is_other_time(text, time(16), HINDI)


@pytest.mark.parametrize(
    ("text", "other"),
    [("3 days", False), ("2 days", True), ("1 day", True), ("72 hours", False), ("until midnight", False), ("", False)],
)
def test_a_duration_is_compared_in_its_own_unit(text: str, other: bool) -> None:
    assert is_other_duration(text, days=3, hours=72) == other


@pytest.mark.parametrize("language", "en hi mr gu ta te bn kn ml pa ur ne pt_BR es_MX ar id fr de sw zh_CN ja".split())
def test_what_is_filled_never_contradicts_itself(language: str) -> None:
    locale = locale_of(language, "Asia/Kolkata")
    for day, clock in ((TUESDAY, time(0, 5)), (date(2027, 5, 1), time(12)), (date(2026, 12, 12), time(16, 30))):
        assert not is_other_date(date_text(day, locale), day, locale)
        assert not is_other_time(time_text(clock, locale), clock, locale)
