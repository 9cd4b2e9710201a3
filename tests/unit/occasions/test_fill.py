"""Parameters that follow from the occasion: they move with it, in the customer's language."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harkara.catalogue import Catalogue
from harkara.errors import Invalid
from harkara.lanes import Lane
from harkara.messages import Envelope, Template
from harkara.occasions import Closing, Occasion, ReminderMessage, ReminderPlan, Rule, Rules, SkippedReminder
from tests.unit.occasions.cases import FILE, SHIPPED, rule

CATALOGUE = Catalogue.load(FILE.parent / "templates.toml")
INDIA = ZoneInfo("Asia/Kolkata")
LANES = {"default": Lane("default", "token", None, zone=INDIA)}
PLAN = ReminderPlan.from_lanes(SHIPPED, CATALOGUE, LANES)
LONG_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
VISIT = {"doctor": "Dr Rao", "place": "Room 4", "duration": "20 minutes", "helpline": "080"}
INVOICE = {"customer": "Asha", "invoice": "I1", "amount": "Rs 500", "late_fee": "Rs 50", "url_suffix": "p1"}
OVERDUE = INVOICE
ALERT = {"customer": "Asha", "time": "at night", "duration": "1 hour", "services": "all", "finish_by": "Friday"}
CANCELLATION = rule("0h", until="+12h").model_copy(
    update={"status": ("cancelled",), "origin": "closing", "template": "appointment_cancellation"}
)


def occasion(kind: str, at: str, parameters: dict[str, str], **more: Any) -> Occasion:
    usual: dict[str, Any] = {"reference": "r", "to": "+919876500001", "zone": "Asia/Kolkata"}
    return Occasion(kind=kind, at=at, parameters=parameters, **usual | more)


def plan_with(kind: str, single: Rule) -> ReminderPlan:
    """Return a plan with this rule alone, for the template of the kind."""
    (template, *_) = {each.template for each in SHIPPED.kind[kind].values()}
    rules = Rules(
        kind={kind: {"it": single.model_copy(update={"template": template})}}, fill={kind: SHIPPED.fill[kind]}
    )
    return ReminderPlan.from_lanes(rules, CATALOGUE, LANES)


def envelopes(saved: Occasion, plan: ReminderPlan = PLAN) -> dict[str, Envelope]:
    """Return the messages by rule."""
    found: dict[str, Envelope] = {}
    for each in plan.reminders(saved, LONG_BEFORE):
        assert isinstance(each, ReminderMessage), each
        found[each.rule] = each.envelope
    return found


def bodies(saved: Occasion, plan: ReminderPlan = PLAN) -> dict[str, tuple[str, ...]]:
    """Return, by rule, the values of the template's body."""
    found: dict[str, tuple[str, ...]] = {}
    for name, envelope in envelopes(saved, plan).items():
        (template,) = envelope.messages
        assert isinstance(template, Template)
        found[name] = template.body
    return found


def test_the_text_follows_the_time() -> None:
    for at, date, time in (
        ("2026-11-24T10:30", "24 November 2026", "10:30 AM"),
        ("2026-11-25T16:00", "25 November 2026", "4:00 PM"),
    ):
        saved = occasion("appointment", at, VISIT)
        PLAN.validate_occasion(saved)
        assert {body[1:3] for body in bodies(saved).values()} == {(date, time)}


@pytest.mark.parametrize(
    ("language", "zone", "date", "time"),
    [
        ("hi", "Asia/Kolkata", "24 नवंबर 2026", "4:00 pm"),
        ("en", "Europe/London", "24 November 2026", "16:00"),
        ("en_US", "Asia/Kolkata", "November 24, 2026", "4:00 PM"),
        ("pt_BR", "America/Sao_Paulo", "24 de novembro de 2026", "16:00"),
        ("zz", "Asia/Kolkata", "24 November 2026", "4:00 PM"),
        ("en", "UTC", "November 24, 2026", "4:00 PM"),
    ],
)
def test_language_and_country_decide_the_notation(language: str, zone: str, date: str, time: str) -> None:
    saved = occasion("appointment", "2026-11-24T16:00", VISIT, language=language, zone=zone)
    assert {body[1:3] for body in bodies(saved).values()} == {(date, time)}


def test_the_time_left_counts_days() -> None:
    left = {rule: body[4] for rule, body in bodies(occasion("payment", "2026-12-05", INVOICE)).items()}
    assert left == {"-3d": "3 days", "-1d": "1 day", "0d": "< 1 day"}
    hindi = occasion("payment", "2026-12-05T18:00", INVOICE, language="hi")
    assert [body[4] for body in bodies(hindi).values()] == ["3 दिन", "1 दिन", "< 1 दिन"]


def test_a_reminder_that_says_the_days_left_is_not_sent_after_their_midnight() -> None:
    saved = envelopes(occasion("payment", "2026-12-05", INVOICE))
    assert {rule: envelope.expires for rule, envelope in saved.items()} == {
        rule: datetime(2026, 12, day, tzinfo=INDIA) for rule, day in (("-3d", 3), ("-1d", 5), ("0d", 6))
    }


@pytest.mark.parametrize(
    ("offset", "at", "left"),
    [
        ("-2h", "2026-12-05T18:00", "2 hours"),
        ("-2h", "2026-12-05T00:30", "2 hours"),  # sent on the day before
        ("-23h", "2026-12-05T18:00", "23 hours"),
        ("-24h", "2026-12-05T18:00", "1 day"),
        ("-26h", "2026-12-05T18:00", "1 day"),
        ("-26h", "2026-12-05T01:30", "2 days"),
        ("-2h", "2026-12-05", "1 day"),
        ("0d 00:15", "2026-12-05", "< 1 day"),
        ("0d 00:15", "2026-12-05T23:59", "< 1 day"),
    ],
)
def test_a_reminder_hours_before_says_the_hours(offset: str, at: str, left: str) -> None:
    plan = plan_with("payment", rule(offset))
    saved = occasion("payment", at, INVOICE)
    assert bodies(saved, plan)["it"][4] == left
    PLAN.validate_occasion(saved)
    if not left.startswith("<"):
        plan.validate_occasion(occasion("payment", at, INVOICE | {"time_left": left}))


@pytest.mark.parametrize(
    ("offset", "at", "since"),
    [
        ("+2h", "2026-12-05T18:00", "2 hours"),
        ("+2h", "2026-12-05T23:00", "2 hours"),
        ("+24h", "2026-12-05T23:00", "1 day"),
        ("+2h", "2026-12-05", "1 day"),
    ],
)
def test_a_message_hours_after_says_the_hours(offset: str, at: str, since: str) -> None:
    plan = plan_with("overdue", rule(offset, until="+9d"))
    assert bodies(occasion("overdue", at, OVERDUE), plan)["it"][4] == since


def test_a_reminder_that_says_hours_may_wait_past_midnight() -> None:
    saved = occasion("payment", "2026-12-05T01:59", INVOICE)
    (envelope,) = envelopes(saved, plan_with("payment", rule("-2h"))).values()
    assert (envelope.at, envelope.expires) == (saved.at - timedelta(hours=2), saved.at)


def test_the_time_since_counts_days() -> None:
    since = {rule: body[4] for rule, body in bodies(occasion("overdue", "2026-12-05", OVERDUE)).items()}
    assert since == {"+1d": "1 day", "+3d": "3 days", "+7d": "7 days"}


def test_the_application_may_give_its_own_text() -> None:
    saved = occasion("appointment", "2026-11-24T10:30", VISIT | {"date": "Tue, 24 Nov", "time": "half past ten"})
    PLAN.validate_occasion(saved)
    assert {body[1:3] for body in bodies(saved).values()} == {("Tue, 24 Nov", "half past ten")}


@pytest.mark.parametrize(
    ("kind", "at", "parameters", "message"),
    [
        (
            "appointment",
            "2026-11-24T16:00",
            VISIT | {"time": "10:30"},
            r"appointment\.time: contradicts `at`, which is",
        ),
        (
            "appointment",
            "2026-11-24T16:00",
            VISIT | {"date": "23 Nov"},
            r"appointment\.date: contradicts `at`, which is",
        ),
        (
            "payment",
            "2026-12-05",
            INVOICE | {"due_date": "6 December"},
            r"payment\.due_date: contradicts .* 2026-12-05 in",
        ),
        ("payment", "2026-12-05", INVOICE | {"time_left": "3 days"}, r"payment\.time_left: contradicts"),
        ("appointment", "2026-11-24", VISIT, r"appointment\.time: is missing: `at` is a whole day"),
    ],
)
def test_a_text_that_contradicts_the_time_is_refused(
    kind: str, at: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        PLAN.validate_occasion(occasion(kind, at, parameters))


def test_a_whole_day_may_have_a_text_for_its_time_and_has_no_reminder_hours_before() -> None:
    """Two hours before the day, at 22:00, no text with "in 2 hours" makes sense."""
    saved = occasion("appointment", "2026-11-24", VISIT | {"time": "in the morning"})
    PLAN.validate_occasion(saved)
    skipped, reminder = PLAN.reminders(saved, LONG_BEFORE)
    assert skipped == SkippedReminder("-2h", "whole-day")
    assert isinstance(reminder, ReminderMessage)
    (template,) = reminder.envelope.messages
    assert isinstance(template, Template)
    assert (reminder.rule, template.body[1:3]) == ("-24h", ("24 November 2026", "in the morning"))
    eleven_at_night = datetime(2026, 11, 23, 23, tzinfo=INDIA)
    assert PLAN.useful_now(saved, eleven_at_night) == ["-24h"]
    assert "-24h" in [each.rule for each in PLAN.reminders(saved, eleven_at_night) if isinstance(each, ReminderMessage)]


def test_a_whole_day_without_a_text_for_its_time_has_reminders_hours_before() -> None:
    at_22 = plan_with("payment", rule("-2h"))
    assert [*envelopes(occasion("payment", "2026-12-05", INVOICE), at_22)] == ["it"]
    (alert,) = PLAN.reminders(occasion("service_alert", "2026-12-05", ALERT), LONG_BEFORE)
    assert isinstance(alert, ReminderMessage)


def test_a_file_without_fill_works_as_before() -> None:
    """So do the files of deployments that are older than this table."""
    plan = ReminderPlan.from_lanes(Rules(kind=SHIPPED.kind), CATALOGUE, LANES)
    assert plan.parameters("appointment") == ("doctor", "date", "time", "place", "duration", "helpline")
    with pytest.raises(Invalid, match=r"appointment\.date: is missing"):
        plan.validate_occasion(occasion("appointment", "2026-11-24T10:30", VISIT))
    saved = occasion("appointment", "2026-11-24T10:30", VISIT | {"date": "1 May", "time": "9"})
    plan.validate_occasion(saved)
    assert {body[1:3] for body in bodies(saved, plan).values()} == {("1 May", "9")}


def test_a_fixed_text_of_a_rule_replaces_what_follows_from_the_occasion() -> None:
    fixed = {
        name: rule.model_copy(update={"set": {"time_left": "soon"}}) for name, rule in SHIPPED.kind["payment"].items()
    }
    plan = ReminderPlan.from_lanes(
        Rules(kind={"payment": fixed}, fill={"payment": SHIPPED.fill["payment"]}), CATALOGUE, LANES
    )
    assert {body[4] for body in bodies(occasion("payment", "2026-12-05", INVOICE), plan).values()} == {"soon"}


@pytest.mark.parametrize(
    ("reason", "problem"),
    [
        ("The doctor is *ill*", "has an asterisk"),
        ("डॉक्टर is ill", "mixes Devanagari and Latin letters"),
        ("The doctor      is ill", "at most 4 spaces in a row"),
        ("Ask $doctor", r"has a \$placeholder without a value"),
        (" ", "must not be blank"),
    ],
)
def test_a_reason_that_a_message_about_the_closing_could_not_say_is_refused(reason: str, problem: str) -> None:
    plan = ReminderPlan.from_lanes(
        Rules(kind={"appointment": {"it": CANCELLATION}}, fill={"appointment": {"reason": "reason"}}), CATALOGUE, LANES
    )
    with pytest.raises(Invalid, match=f"^reason: {problem}"):
        plan.validate_closing(closing("cancelled", reason))
    for status in ("completed", "no-show"):
        plan.validate_closing(closing(status, reason))
    for fits in ("The doctor is ill", "डॉक्टर बीमार हैं", None):
        plan.validate_closing(closing("cancelled", fits))
    PLAN.validate_closing(closing("cancelled", reason))


def closing(status: Any, reason: str | None) -> Closing:
    return Closing(kind="appointment", reference="r", status=status, reason=reason)
