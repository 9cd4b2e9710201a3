"""The shipped rules send at the hours that the documentation promises, also in the default quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from config.settings import Settings
from harkara.catalogue import Catalogue
from harkara.lanes import QuietHours
from harkara.limits import Allowance
from harkara.occasions import PlannedReminder, schedule
from tests.unit.occasions.cases import FILE, SHIPPED, local

KOLKATA = ZoneInfo("Asia/Kolkata")
CATALOGUE = Catalogue.load(FILE.parent / "templates.toml")
LONG_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
HALF_HOURS = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)]
PROMISES = {
    "delivery_notification": "At 08:00 on the day of delivery.",
    "appointment_reminder": "24 hours before the appointment.",
    "appointment_reminder_2h": "2 hours before the appointment.",
    "reservation_reminder": "24 hours before the reservation.",
    "reservation_reminder_2h": "2 hours before the reservation.",
    "service_alert": "48 hours before planned maintenance.",
    "payment_reminder": "3 days before, 1 day before and on the day that the invoice is due, while it is unpaid.",
    "payment_overdue": "1, 3 and 7 days after the due date, while the invoice is unpaid.",
    "visit_feedback": "2 hours after a visit that took place.",
    "cart_reminder": "1 hour and 24 hours after the cart was left, until the customer orders.",
}
"""The sentences of config/templates.toml that the tests below compare with the rules."""


def quiet_hours() -> QuietHours:
    """Return the hours that a deployment without settings of its own has."""
    span = Settings.model_fields["quiet_hours"].get_default(call_default_factory=True)
    start, end = map(time.fromisoformat, str(span).split("-"))
    return QuietHours(start, end, KOLKATA)


def due_at(kind: str, at: str) -> dict[str, datetime]:
    """Return the due time of each rule that has a reminder, in local time."""
    results = schedule(local("Asia/Kolkata", at), KOLKATA, SHIPPED.for_kind(kind), LONG_BEFORE, quiet_hours())
    return {each.rule: each.due_at.astimezone(KOLKATA) for each in results if isinstance(each, PlannedReminder)}


def test_every_scheduled_template_is_tested_against_its_sentence() -> None:
    used = {rule.template for rules in SHIPPED.kind.values() for rule in rules.values()}
    assert {name: CATALOGUE.find(name).when for name in used} == PROMISES


@pytest.mark.parametrize("clock", HALF_HOURS)
@pytest.mark.parametrize("kind", ["appointment", "reservation"])
def test_the_reminder_2_hours_before_goes_2_hours_before_at_any_hour(kind: str, clock: str) -> None:
    at = local("Asia/Kolkata", f"2026-03-08T{clock}")
    assert at - due_at(kind, f"2026-03-08T{clock}")["-2h"] == timedelta(hours=2)


@pytest.mark.parametrize("clock", HALF_HOURS)
@pytest.mark.parametrize("kind", ["appointment", "reservation"])
def test_the_reminder_24_hours_before_goes_on_the_day_before_and_not_at_night(kind: str, clock: str) -> None:
    due = due_at(kind, f"2026-03-08T{clock}")["-24h"]
    assert f"{due:%m-%d}" == "03-07", "its text says tomorrow"
    assert quiet_hours().seconds_left(due) is None
    if quiet_hours().seconds_left(due.replace(hour=int(clock[:2]), minute=int(clock[3:]))) is None:
        assert f"{due:%H:%M}" == clock


@pytest.mark.parametrize("at", ["2026-03-08", "2026-03-08T09:00", "2026-03-08T18:00"])
def test_the_delivery_notice_goes_at_8_on_the_day(at: str) -> None:
    whole = f"{at}T23:59:59.999999" if len(at) == 10 else at
    assert {rule: f"{due:%m-%d %H:%M}" for rule, due in due_at("delivery", whole).items()} == {"0d": "03-08 08:00"}


@pytest.mark.parametrize("clock", ["23:59", "23:59:59.999999", "18:00"])
def test_payment_reminders_go_3_days_and_1_day_before_and_on_the_day(clock: str) -> None:
    due = {rule: f"{due:%m-%d %H:%M}" for rule, due in due_at("payment", f"2026-03-08T{clock}").items()}
    assert due == {"-3d": "03-05 10:00", "-1d": "03-07 10:00", "0d": "03-08 10:00"}


@pytest.mark.parametrize("clock", HALF_HOURS)
def test_the_service_alert_goes_48_hours_before_or_earlier_if_that_is_at_night(clock: str) -> None:
    at = local("Asia/Kolkata", f"2026-03-08T{clock}")
    before = at - due_at("service_alert", f"2026-03-08T{clock}")["-48h"]
    assert timedelta(hours=48) <= before <= timedelta(hours=61, minutes=30)


def test_overdue_reminders_go_1_3_and_7_days_after_the_due_date() -> None:
    due = {rule: f"{due:%m-%d %H:%M}" for rule, due in due_at("overdue", "2026-03-08T23:59:59.999999").items()}
    assert due == {"+1d": "03-09 10:00", "+3d": "03-11 10:00", "+7d": "03-15 10:00"}


def test_cart_reminders_go_1_and_24_hours_after_or_when_the_quiet_hours_end() -> None:
    assert {rule: f"{due:%d %H:%M}" for rule, due in due_at("cart", "2026-03-08T15:20").items()} == {
        "+1h": "08 16:20",
        "+24h": "09 15:20",
    }
    assert f"{due_at('cart', '2026-03-08T22:00')['+1h']:%d %H:%M}" == "09 09:00"


@pytest.mark.parametrize("kind", ["appointment", "reservation"])
def test_the_reminders_of_a_full_evening_are_sent_before_the_quiet_hours(kind: str) -> None:
    """After the quiet hours, it is too late for "tomorrow": one that is not sent before them is never sent."""
    due = due_at(kind, "2026-03-08T21:00")["-24h"]
    allowance = Settings.model_fields["allowance"].get_default(call_default_factory=True)
    limit = Allowance.parse(allowance)
    assert limit is not None
    assert quiet_hours().seconds_until(due) * limit.count / limit.window >= 500
