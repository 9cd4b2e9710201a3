"""Messages after an occasion: while it is open, and after it was completed, cancelled or missed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.lanes import QuietHours
from harkara.occasions import Ending, PlannedReminder, Rule, schedule
from tests.unit.occasions.cases import SHIPPED, by_rule, hours, local, rule

KOLKATA = "Asia/Kolkata"
NIGHT = hours("20:00-09:00", KOLKATA)
NOON = local(KOLKATA, "2026-03-08T12:00")
LONG_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
CANCELLATION = Rule.model_validate(
    {
        "offset": "0h",
        "origin": "closing",
        "while": "cancelled",
        "template": "cancellation",
        "not_before": "0h",
        "useful_until": "+12h",
        "quiet": "later",
    }
)


def results(rules: dict[str, Rule], now: datetime, ending: Ending | None = None, **more: Any) -> dict[str, str]:
    quiet: QuietHours | None = more.get("quiet")
    return by_rule(schedule(more.get("at", NOON), ZoneInfo(KOLKATA), rules, now, quiet, ending))


def test_overdue_reminders_follow_the_due_date_while_it_is_open() -> None:
    rules = dict(SHIPPED.for_kind("overdue"))
    assert results(rules, NOON) == {"+1d": "2026-03-09T04:30", "+3d": "2026-03-11T04:30", "+7d": "2026-03-15T04:30"}
    paid = Ending("completed", NOON + timedelta(days=2))
    assert set(results(rules, NOON + timedelta(days=2), paid).values()) == {"other-status"}


def test_of_several_overdue_reminders_after_an_outage_only_the_last_is_sent() -> None:
    now = local(KOLKATA, "2026-03-12T15:00")
    assert results(dict(SHIPPED.for_kind("overdue")), now) == {
        "+1d": "too-late",
        "+3d": "2026-03-12T09:30",
        "+7d": "2026-03-15T04:30",
    }
    near = {"+1h": rule("+1h", until="+9h"), "+2h": rule("+2h", until="+9h")}
    assert results(near, NOON + timedelta(hours=3)) == {"+1h": "overtaken", "+2h": "2026-03-08T09:30"}


@pytest.mark.parametrize(("status", "due"), [("completed", "2026-03-08T08:30"), ("no-show", "other-status")])
def test_feedback_is_asked_for_after_a_visit_that_took_place(status: Any, due: str) -> None:
    rules = dict(SHIPPED.for_kind("feedback"))
    assert results(rules, NOON) == {"+2h": "other-status"}
    assert results(rules, NOON, Ending(status, NOON)) == {"+2h": due}


def test_feedback_for_a_visit_that_is_completed_late_is_asked_for_at_once_or_not_at_all() -> None:
    rules = dict(SHIPPED.for_kind("feedback"))
    next_day, too_late = NOON + timedelta(days=1), NOON + timedelta(days=2)
    assert results(rules, next_day, Ending("completed", next_day)) == {"+2h": "2026-03-09T06:30"}
    assert results(rules, too_late, Ending("completed", too_late)) == {"+2h": "too-late"}


def test_a_cancellation_is_sent_when_the_occasion_is_cancelled() -> None:
    cancelled = NOON - timedelta(days=3)
    rules = {"cancelled": CANCELLATION}
    assert results(rules, cancelled) == {"cancelled": "other-status"}
    assert results(rules, cancelled, Ending("cancelled", cancelled)) == {"cancelled": "2026-03-05T06:30"}
    assert results(rules, cancelled, Ending("completed", cancelled)) == {"cancelled": "other-status"}


def test_a_cancellation_at_night_waits_for_the_morning() -> None:
    night = local(KOLKATA, "2026-03-06T23:00")
    ending = Ending("cancelled", night)
    assert results({"it": CANCELLATION}, night, ending, quiet=NIGHT) == {"it": "2026-03-07T03:30"}


def test_no_cancellation_is_sent_after_the_time_of_the_occasion() -> None:
    """An application may cancel what has passed, to clean up."""
    after = NOON + timedelta(minutes=1)
    assert results({"it": CANCELLATION}, after, Ending("cancelled", after)) == {"it": "no-longer-useful"}
    night = local(KOLKATA, "2026-03-07T23:00")
    early = Ending("cancelled", night)
    at = local(KOLKATA, "2026-03-08T08:00")
    assert results({"it": CANCELLATION}, night, early, quiet=NIGHT, at=at) == {"it": "quiet-hours"}


def test_a_reminder_after_the_occasion_expires_by_its_own_rule() -> None:
    (planned,) = schedule(NOON, ZoneInfo(KOLKATA), {"it": rule("+1h", until="+5h")}, LONG_BEFORE, None)
    assert planned == PlannedReminder("it", "reminder", NOON + timedelta(hours=1), NOON + timedelta(hours=5))


def test_a_rule_may_apply_in_several_statuses() -> None:
    both = rule("+2h", until="+5h").model_copy(update={"status": ("open", "completed")})
    for ending in (None, Ending("completed", NOON)):
        assert results({"it": both}, NOON, ending) == {"it": "2026-03-08T08:30"}
    assert results({"it": both}, NOON, Ending("no-show", NOON)) == {"it": "other-status"}
