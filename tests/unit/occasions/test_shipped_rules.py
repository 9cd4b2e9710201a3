"""The reminders of the shipped rules, with quiet hours from 20:00 to 09:00, calculated by hand."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from harkara.occasions import schedule
from tests.unit.occasions.cases import SHIPPED, by_rule, hours, local

KOLKATA = "Asia/Kolkata"
NIGHT = hours("20:00-09:00", KOLKATA)


@pytest.mark.parametrize(
    ("kind", "at", "results"),
    [
        ("appointment", "2026-03-08T15:00", {"-24h": "2026-03-07T09:30", "-2h": "2026-03-08T07:30"}),
        ("appointment", "2026-03-08T08:30", {"-24h": "2026-03-07T03:30", "-2h": "2026-03-08T01:00"}),
        ("appointment", "2026-03-08T10:00", {"-24h": "2026-03-07T04:30", "-2h": "2026-03-08T02:30"}),
        ("appointment", "2026-03-08T22:30", {"-24h": "2026-03-07T14:00", "-2h": "2026-03-08T15:00"}),
        ("appointment", "2026-03-08T00:00", {"-24h": "2026-03-07T03:30", "-2h": "2026-03-07T16:30"}),
        ("reservation", "2026-03-08T21:00", {"-24h": "2026-03-07T14:00", "-2h": "2026-03-08T13:30"}),
        (
            "payment",
            "2028-03-01T23:59",
            {"-3d": "2028-02-27T04:30", "-1d": "2028-02-29T04:30", "0d": "2028-03-01T04:30"},
        ),
        ("delivery", "2026-03-08T18:00", {"0d": "2026-03-08T02:30"}),
        ("service_alert", "2026-03-08T23:00", {"-48h": "2026-03-06T14:00"}),
        ("service_alert", "2026-03-08T15:00", {"-48h": "2026-03-06T09:30"}),
    ],
)
def test_the_shipped_rules(kind: str, at: str, results: dict[str, str]) -> None:
    assert shipped_results(kind, at, now="2026-01-01T00:00") == results


def test_a_payment_saved_two_days_before_has_its_first_reminder_at_once() -> None:
    results = shipped_results("payment", "2026-03-08T23:59", now="2026-03-06T12:00")
    assert results == {"-3d": "2026-03-06T06:30", "-1d": "2026-03-07T04:30", "0d": "2026-03-08T04:30"}


def test_90_minutes_before_an_appointment_only_the_second_reminder_is_due_at_once() -> None:
    results = shipped_results("appointment", "2026-03-08T15:00", now="2026-03-08T13:30")
    assert results == {"-24h": "too-late", "-2h": "2026-03-08T08:00"}


def test_30_minutes_before_an_appointment_both_reminders_are_too_late() -> None:
    results = shipped_results("appointment", "2026-03-08T15:00", now="2026-03-08T14:30")
    assert results == {"-24h": "too-late", "-2h": "too-late"}


def test_20_hours_before_an_appointment_the_first_reminder_is_due_at_once() -> None:
    results = shipped_results("appointment", "2026-03-08T15:00", now="2026-03-07T19:00")
    assert results == {"-24h": "2026-03-07T13:30", "-2h": "2026-03-08T07:30"}


def shipped_results(kind: str, at: str, now: str) -> dict[str, str]:
    """Return the results for an occasion in Kolkata. Arguments are local times; results are in UTC, 5:30 behind."""
    return by_rule(schedule(local(KOLKATA, at), ZoneInfo(KOLKATA), SHIPPED.for_kind(kind), local(KOLKATA, now), NIGHT))
