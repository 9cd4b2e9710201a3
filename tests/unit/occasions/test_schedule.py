"""Due times of reminders. Each expected time was calculated by hand from the calendar and the zone's rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from harkara.errors import Invalid
from harkara.lanes import QuietHours
from harkara.occasions import PlannedReminder, Rule, SkippedReminder, schedule
from tests.unit.occasions.cases import by_rule, hours, local, rule

KOLKATA = "Asia/Kolkata"
NEW_YORK = "America/New_York"
LONDON = "Europe/London"
SYDNEY = "Australia/Sydney"
LORD_HOWE = "Australia/Lord_Howe"
LONG_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
NIGHT = hours("20:00-09:00", KOLKATA)


def result_of(single: Rule, zone: str, at: str, quiet: QuietHours | None = None, now: datetime = LONG_BEFORE) -> str:
    """Return the result of a single rule for an occasion at the local time `at`."""
    return by_rule(schedule(local(zone, at), ZoneInfo(zone), {"it": single}, now, quiet))["it"]


# Preferred times


@pytest.mark.parametrize(
    ("zone", "at", "own", "due"),
    [
        # The clock skips from 02:00 to 03:00 on 8 March, and goes back from 02:00 to 01:00 on 1 November.
        (NEW_YORK, "2026-03-08T12:00", "-24h", "2026-03-07T16:00"),
        (NEW_YORK, "2026-03-08T12:00", "-1d 10:00", "2026-03-07T15:00"),
        (NEW_YORK, "2026-03-08T12:00", "0d 10:00", "2026-03-08T14:00"),
        (NEW_YORK, "2026-03-08T12:00", "-3d 10:00", "2026-03-05T15:00"),
        (NEW_YORK, "2026-03-08T12:00", "0d 02:30", "2026-03-08T07:00"),
        (NEW_YORK, "2026-03-08T03:30", "-2h", "2026-03-08T05:30"),
        (NEW_YORK, "2026-11-01T12:00", "-24h", "2026-10-31T17:00"),
        (NEW_YORK, "2026-11-01T12:00", "-1d 10:00", "2026-10-31T14:00"),
        (NEW_YORK, "2026-11-01T12:00", "0d 10:00", "2026-11-01T15:00"),
        (NEW_YORK, "2026-11-01T12:00", "0d 01:30", "2026-11-01T05:30"),
        (NEW_YORK, "2026-11-01T02:30", "-2h", "2026-11-01T05:30"),
        # From 01:00 to 02:00 on 29 March, back from 02:00 to 01:00 on 25 October.
        (LONDON, "2026-03-29T14:00", "-24h", "2026-03-28T13:00"),
        (LONDON, "2026-03-29T14:00", "-1d 10:00", "2026-03-28T10:00"),
        (LONDON, "2026-03-29T14:00", "0d 10:00", "2026-03-29T09:00"),
        (LONDON, "2026-03-29T14:00", "0d 01:30", "2026-03-29T01:00"),
        (LONDON, "2026-03-30T09:00", "-48h", "2026-03-28T08:00"),
        (LONDON, "2026-10-25T14:00", "-24h", "2026-10-24T14:00"),
        (LONDON, "2026-10-25T14:00", "-1d 10:00", "2026-10-24T09:00"),
        (LONDON, "2026-10-25T14:00", "0d 01:30", "2026-10-25T00:30"),
        # Back from 03:00 to 02:00 on 5 April, from 02:00 to 03:00 on 4 October.
        (SYDNEY, "2026-04-05T15:00", "-24h", "2026-04-04T05:00"),
        (SYDNEY, "2026-04-05T15:00", "-1d 10:00", "2026-04-03T23:00"),
        (SYDNEY, "2026-04-05T15:00", "0d 02:30", "2026-04-04T15:30"),
        (SYDNEY, "2026-10-04T15:00", "-24h", "2026-10-03T04:00"),
        (SYDNEY, "2026-10-04T15:00", "-1d 10:00", "2026-10-03T00:00"),
        (SYDNEY, "2026-10-04T15:00", "0d 02:30", "2026-10-03T16:00"),
        # Half an hour: back from 02:00 to 01:30 on 5 April, from 02:00 to 02:30 on 4 October.
        (LORD_HOWE, "2026-04-05T15:00", "-24h", "2026-04-04T04:30"),
        (LORD_HOWE, "2026-04-05T15:00", "-1d 10:00", "2026-04-03T23:00"),
        (LORD_HOWE, "2026-04-05T15:00", "0d 01:45", "2026-04-04T14:45"),
        (LORD_HOWE, "2026-10-04T15:00", "-24h", "2026-10-03T04:00"),
        (LORD_HOWE, "2026-10-04T15:00", "-1d 10:00", "2026-10-02T23:30"),
        (LORD_HOWE, "2026-10-04T15:00", "0d 02:15", "2026-10-03T15:30"),
        # No clock change: ends of months and years, 29 February.
        (KOLKATA, "2026-03-08T12:00", "-24h", "2026-03-07T06:30"),
        (KOLKATA, "2026-03-08T12:00", "-90m", "2026-03-08T05:00"),
        (KOLKATA, "2026-03-08T12:00", "-3d 10:00", "2026-03-05T04:30"),
        (KOLKATA, "2028-02-29T12:00", "-3d 10:00", "2028-02-26T04:30"),
        (KOLKATA, "2028-03-01T23:59", "-1d 10:00", "2028-02-29T04:30"),
        (KOLKATA, "2027-03-01T23:59", "-1d 10:00", "2027-02-28T04:30"),
        (KOLKATA, "2028-03-01T12:00", "-24h", "2028-02-29T06:30"),
        (KOLKATA, "2026-05-01T23:59", "-1d 10:00", "2026-04-30T04:30"),
        (KOLKATA, "2027-01-01T12:00", "-3d 10:00", "2026-12-29T04:30"),
        (KOLKATA, "2027-01-01T12:00", "-24h", "2026-12-31T06:30"),
        (KOLKATA, "2027-01-01T01:00", "-2h", "2026-12-31T17:30"),
        # Midnight belongs to the day that begins. Days are those of the zone, not of UTC.
        (KOLKATA, "2026-03-08T00:00", "-24h", "2026-03-06T18:30"),
        (KOLKATA, "2026-03-08T00:00", "-1d 10:00", "2026-03-07T04:30"),
        (KOLKATA, "2026-03-08T00:00", "0d 10:00", "no-longer-useful"),
        (KOLKATA, "2026-03-08T10:00", "0d 10:00", "no-longer-useful"),
        (KOLKATA, "2026-03-08T10:01", "0d 10:00", "2026-03-08T04:30"),
        (NEW_YORK, "2026-03-09T00:00", "-24h", "2026-03-08T04:00"),
        (NEW_YORK, "2026-07-01T21:00", "0d 10:00", "2026-07-01T14:00"),
        (SYDNEY, "2026-07-01T08:00", "0d 07:00", "2026-06-30T21:00"),
    ],
)
def test_the_due_time_without_quiet_hours(zone: str, at: str, own: str, due: str) -> None:
    assert result_of(rule(own), zone, at) == due


def test_a_bound_in_days_is_the_first_midnight_of_the_day() -> None:
    until_sunday = rule("-24h", since="-1d", until="0d")
    (planned,) = schedule(
        local(NEW_YORK, "2026-03-08T12:00"), ZoneInfo(NEW_YORK), {"it": until_sunday}, LONG_BEFORE, None
    )
    assert planned == PlannedReminder(
        "it", "reminder", *(datetime(2026, 3, d, h, tzinfo=UTC) for d, h in ((7, 16), (8, 5)))
    )


def test_no_reminder_is_due_before_not_before() -> None:
    """After a day of 23 hours, 24 hours earlier can be two calendar days earlier, where "tomorrow" is wrong."""
    assert result_of(rule("-24h", since="-1d"), NEW_YORK, "2026-03-09T00:30") == "2026-03-08T05:00"


def test_every_reminder_expires_with_the_occasion() -> None:
    at = local(KOLKATA, "2026-03-08T12:00")
    (planned,) = schedule(at, ZoneInfo(KOLKATA), {"it": rule("-2h")}, LONG_BEFORE, None)
    assert isinstance(planned, PlannedReminder)
    assert planned.expires_at == at


def test_times_of_any_zone_are_accepted_and_naive_ones_refused() -> None:
    at = datetime(2026, 3, 8, 12, tzinfo=ZoneInfo(NEW_YORK))
    (planned,) = schedule(at, ZoneInfo(NEW_YORK), {"it": rule("-24h")}, LONG_BEFORE, None)
    assert by_rule([planned]) == {"it": "2026-03-07T16:00"}
    with pytest.raises(Invalid, match=r"^at: has no time zone"):
        schedule(at.replace(tzinfo=None), ZoneInfo(NEW_YORK), {}, LONG_BEFORE, None)
    with pytest.raises(Invalid, match=r"^now: has no time zone"):
        schedule(at, ZoneInfo(NEW_YORK), {}, LONG_BEFORE.replace(tzinfo=None), None)


# Quiet hours


@pytest.mark.parametrize(
    ("zone", "span", "own", "earlier", "later"),
    [
        (KOLKATA, "20:00-09:00", "2026-03-08T21:00", "2026-03-08T14:00", "2026-03-09T03:30"),
        (KOLKATA, "20:00-09:00", "2026-03-08T03:00", "2026-03-07T14:00", "2026-03-08T03:30"),
        (KOLKATA, "20:00-09:00", "2026-03-08T20:00", "2026-03-08T14:00", "2026-03-09T03:30"),
        (KOLKATA, "20:00-09:00", "2026-03-08T08:59", "2026-03-07T14:00", "2026-03-08T03:30"),
        (KOLKATA, "20:00-09:00", "2026-03-01T00:00", "2026-02-28T14:00", "2026-03-01T03:30"),
        (KOLKATA, "20:00-09:00", "2027-01-01T00:00", "2026-12-31T14:00", "2027-01-01T03:30"),
        (KOLKATA, "13:00-15:00", "2026-03-08T14:00", "2026-03-08T07:00", "2026-03-08T09:30"),
        (NEW_YORK, "20:00-09:00", "2026-03-08T03:30", "2026-03-08T00:30", "2026-03-08T13:00"),
        (NEW_YORK, "20:00-09:00", "2026-11-01T03:30", "2026-10-31T23:30", "2026-11-01T14:00"),
        (LONDON, "20:00-09:00", "2026-03-29T03:00", "2026-03-28T19:30", "2026-03-29T08:00"),
        (LONDON, "20:00-09:00", "2026-10-25T03:00", "2026-10-24T18:30", "2026-10-25T09:00"),
        (SYDNEY, "20:00-09:00", "2026-04-05T04:00", "2026-04-04T08:30", "2026-04-04T23:00"),
        (SYDNEY, "20:00-09:00", "2026-10-04T04:00", "2026-10-03T09:30", "2026-10-03T22:00"),
        (LORD_HOWE, "20:00-09:00", "2026-04-05T03:00", "2026-04-04T08:30", "2026-04-04T22:30"),
        (LORD_HOWE, "20:00-09:00", "2026-10-04T03:00", "2026-10-03T09:00", "2026-10-03T22:00"),
        (NEW_YORK, "02:30-05:00", "2026-03-08T04:00", "2026-03-08T06:30", "2026-03-08T09:00"),  # start in the gap
        (
            NEW_YORK,
            "01:30-05:00",
            "2026-11-01T04:00",
            "2026-11-01T05:00",
            "2026-11-01T10:00",
        ),  # start twice
    ],
)
def test_quiet_hours_move_a_reminder_to_half_an_hour_before_or_to_their_end(
    zone: str, span: str, own: str, earlier: str, later: str
) -> None:
    def result(policy: str) -> str:
        at = local(zone, own) + timedelta(hours=24)
        return by_rule(schedule(at, ZoneInfo(zone), {"it": rule("-24h", policy)}, LONG_BEFORE, hours(span, zone)))["it"]

    assert result("earlier") == result("either") == earlier
    assert result("later") == later
    assert result("skip") == "quiet-hours"
    assert result("ignore") == f"{local(zone, own):%Y-%m-%dT%H:%M}"


@pytest.mark.parametrize(("own", "due"), [("0d 19:59", "2026-03-08T14:29"), ("0d 09:00", "2026-03-08T03:30")])
def test_the_minute_before_quiet_hours_and_their_end_are_not_quiet(own: str, due: str) -> None:
    assert result_of(rule(own, "skip"), KOLKATA, "2026-03-08T23:00", NIGHT) == due


def test_quiet_hours_are_local_to_the_lane() -> None:
    """16:00 in London is 20:30 in Kolkata."""
    at = "2026-07-01T18:00"
    assert result_of(rule("-2h", "earlier"), LONDON, at, NIGHT) == "2026-07-01T14:00"
    assert result_of(rule("-2h", "skip"), LONDON, at, hours("20:00-09:00", LONDON)) == "2026-07-01T15:00"


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (rule("-2h", "earlier", since="-840m"), "quiet-hours"),
        (rule("-2h", "earlier", since="-841m"), "2026-03-07T14:29"),
        (rule("-2h", "earlier", since="-869m"), "2026-03-07T14:01"),
        (rule("-2h", "earlier", since="-900m"), "2026-03-07T14:00"),
        (rule("-2h", "either", since="-3h", until="-30m"), "2026-03-08T03:30"),
        (rule("-2h", "either", since="-3h", until="-1h"), "quiet-hours"),
        (rule("-2h", "later", until="-1h"), "quiet-hours"),
        (rule("-2h", "later", until="-59m"), "2026-03-08T03:30"),
    ],
)
def test_a_moved_time_outside_the_useful_span_is_dropped(own: Rule, expected: str) -> None:
    """The occasion is at 10:00, and the quiet hours end at 09:00."""
    assert result_of(own, KOLKATA, "2026-03-08T10:00", NIGHT) == expected


# Late occasions


def test_of_several_overdue_reminders_only_the_nearest_is_sent() -> None:
    rules = {"near": rule("-2h"), "middle": rule("-24h"), "far": rule("-48h")}
    at, zone = local(KOLKATA, "2026-03-08T15:00"), ZoneInfo(KOLKATA)
    an_hour_before = schedule(at, zone, rules, at - timedelta(hours=1), None)
    assert by_rule(an_hour_before) == {"far": "overtaken", "middle": "overtaken", "near": "2026-03-08T08:30"}
    twenty_hours = schedule(at, zone, rules, at - timedelta(hours=20), None)
    assert by_rule(twenty_hours) == {"far": "overtaken", "middle": "2026-03-07T13:30", "near": "2026-03-08T07:30"}


def test_a_far_reminder_stays_overtaken_when_the_near_one_is_too_late() -> None:
    rules = {"far": rule("-24h"), "near": rule("-2h", until="-30m")}
    at = local(KOLKATA, "2026-03-08T15:00")
    results = schedule(at, ZoneInfo(KOLKATA), rules, at - timedelta(minutes=10), None)
    assert by_rule(results) == {"far": "overtaken", "near": "too-late"}


def test_two_reminders_that_quiet_hours_move_to_one_moment_become_one() -> None:
    rules = {"-3h": rule("-3h", "later"), "-2h": rule("-2h", "later")}
    results = schedule(local(KOLKATA, "2026-03-08T10:00"), ZoneInfo(KOLKATA), rules, LONG_BEFORE, NIGHT)
    assert by_rule(results) == {"-3h": "overtaken", "-2h": "2026-03-08T03:30"}


def test_a_nearer_reminder_in_quiet_hours_overtakes_one_that_waits_for_their_end() -> None:
    rules = {"-4h": rule("-4h", "ignore"), "-3h": rule("-3h", "later"), "-2h": rule("-2h", "ignore")}
    at, zone = local(KOLKATA, "2026-03-08T10:30"), ZoneInfo(KOLKATA)
    in_time = schedule(at, zone, rules, LONG_BEFORE, NIGHT)
    assert by_rule(in_time) == {"-4h": "2026-03-08T01:00", "-3h": "overtaken", "-2h": "2026-03-08T03:00"}
    late = schedule(at, zone, rules, local(KOLKATA, "2026-03-08T08:40"), NIGHT)
    assert by_rule(late) == {"-4h": "overtaken", "-3h": "overtaken", "-2h": "2026-03-08T03:10"}


def test_a_skipped_reminder_overtakes_none() -> None:
    rules = {"-3h": rule("-3h", "later"), "-2h": rule("-2h", "later", until="-60m")}
    results = schedule(local(KOLKATA, "2026-03-08T10:00"), ZoneInfo(KOLKATA), rules, LONG_BEFORE, NIGHT)
    assert by_rule(results) == {"-3h": "2026-03-08T03:30", "-2h": "quiet-hours"}


@pytest.mark.parametrize("policy", ["earlier", "later", "either", "skip"])
def test_a_late_reminder_waits_for_the_end_of_quiet_hours(policy: str) -> None:
    """The preferred time was 19:00, and now it is 22:00."""
    now = local(KOLKATA, "2026-03-08T22:00")
    assert result_of(rule("-24h", policy), KOLKATA, "2026-03-09T19:00", NIGHT, now) == "2026-03-09T03:30"
    assert result_of(rule("-24h", policy, until="-10h"), KOLKATA, "2026-03-09T19:00", NIGHT, now) == "quiet-hours"


def test_a_late_reminder_that_ignores_quiet_hours_is_due_at_once() -> None:
    now = local(KOLKATA, "2026-03-08T22:00")
    assert result_of(rule("-24h", "ignore"), KOLKATA, "2026-03-09T19:00", NIGHT, now) == "2026-03-08T16:30"


def test_a_skipped_reminder_does_not_return_later() -> None:
    """The preferred time was 21:00, in quiet hours. The next morning it is still useful, but stays skipped."""
    now = local(KOLKATA, "2026-03-09T10:00")
    assert result_of(rule("-24h", "skip"), KOLKATA, "2026-03-09T21:00", NIGHT, now) == "quiet-hours"


def test_a_skipped_reminder_has_a_reason() -> None:
    (skipped,) = schedule(
        local(KOLKATA, "2026-03-08T09:00"), ZoneInfo(KOLKATA), {"0d": rule("0d 10:00")}, LONG_BEFORE, None
    )
    assert skipped == SkippedReminder("0d", "no-longer-useful")
    assert skipped.reason == ("This reminder is due after its useful time: check the occasion's time and the rule.")
