"""Credits, and the periods of budgets."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from harkara.money.budgets import BudgetSpan, span
from harkara.money.credits import Counted, count_credits

START = datetime(2026, 11, 29, 6, tzinfo=UTC)
KOLKATA = ZoneInfo("Asia/Kolkata")


def after(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def test_the_first_message_of_24_hours_costs_a_credit() -> None:
    found = count_credits([(after(hours), None) for hours in (0, 0, 1, 23.9, 24, 47.9, 100)])
    assert [each.costs for each in found] == [True, False, False, False, True, False, True]


def test_messages_before_the_first_new_one_stay_as_they_were_counted() -> None:
    known = Counted(after(-20), False)
    found = count_credits([(after(0), known), (after(3), None), (after(5), None)])
    assert [each.costs for each in found] == [False, False, True]
    assert [each.began_at for each in found] == [after(-20), after(-20), after(5)]


def test_a_late_first_message_takes_the_credit_from_the_next() -> None:
    found = count_credits([(after(0), None), (after(5), Counted(after(5), True))])
    assert found == [Counted(after(0), True), Counted(after(0), False)]


@pytest.mark.parametrize(
    ("now", "day", "month"),
    [
        (datetime(2026, 11, 30, 18, 29, tzinfo=UTC), date(2026, 11, 30), date(2026, 11, 1)),
        (datetime(2026, 11, 30, 18, 30, tzinfo=UTC), date(2026, 12, 1), date(2026, 12, 1)),
    ],
)
def test_periods_follow_the_calendar_of_the_lane(now: datetime, day: date, month: date) -> None:
    assert span("day", now, KOLKATA).first == day
    assert span("month", now, KOLKATA).first == month


def test_a_period_ends_when_the_next_begins() -> None:
    now = datetime(2026, 12, 31, 12, tzinfo=UTC)
    new_year = datetime(2027, 1, 1, tzinfo=KOLKATA)
    assert span("day", now, KOLKATA).until == span("month", now, KOLKATA).until == new_year
    assert span("campaign", now, KOLKATA) == BudgetSpan(None, None)
