"""Quiet hours in local time, also on days on which the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.lanes import QuietHours

ZONES = ["Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe"]
HOUR = 3600.0
TO_THE_SECOND = st.times().map(lambda moment: moment.replace(microsecond=0))


def hours_left(hours: str, zone: str, local: str, run: int = 0) -> float | None:
    """Return the hours that are left of the quiet hours at a local time, None outside of them.

    Of a local time that occurs twice, `run` 0 is the first and 1 the second.
    """
    start, end = map(time.fromisoformat, hours.split("-"))
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=run)
    seconds = QuietHours(start, end, ZoneInfo(zone)).seconds_left(now.astimezone(UTC))
    return None if seconds is None else seconds / HOUR


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("19:59:59", None), ("20:00", 13), ("23:00", 10), ("00:00", 9), ("08:30", 0.5), ("09:00", None), ("12:00", None)],
)
def test_quiet_hours_can_span_midnight(clock: str, expected: float | None) -> None:
    assert hours_left("20:00-09:00", "Asia/Kolkata", f"2026-03-08T{clock}") == expected


@pytest.mark.parametrize(("clock", "expected"), [("12:59", None), ("13:00", 2), ("14:30", 0.5), ("15:00", None)])
def test_quiet_hours_can_lie_within_one_day(clock: str, expected: float | None) -> None:
    assert hours_left("13:00-15:00", "Asia/Kolkata", f"2026-03-08T{clock}") == expected


def test_an_empty_span_is_never_quiet() -> None:
    assert hours_left("09:00-09:00", "Asia/Kolkata", "2026-03-08T09:00") is None


@pytest.mark.parametrize(
    ("zone", "shorter", "longer"),
    [
        ("America/New_York", "2026-03-07", "2026-10-31"),
        ("Europe/London", "2026-03-28", "2026-10-24"),
        ("Australia/Sydney", "2026-10-03", "2026-04-04"),
    ],
)
def test_a_clock_change_makes_the_night_an_hour_shorter_or_longer(zone: str, shorter: str, longer: str) -> None:
    assert hours_left("20:00-09:00", zone, f"{shorter}T20:00") == 12
    assert hours_left("20:00-09:00", zone, f"{longer}T20:00") == 14


def test_the_clock_of_lord_howe_changes_by_half_an_hour() -> None:
    assert hours_left("20:00-09:00", "Australia/Lord_Howe", "2026-10-03T20:00") == 12.5
    assert hours_left("20:00-09:00", "Australia/Lord_Howe", "2026-04-04T20:00") == 13.5


def test_an_end_in_a_repeated_hour_counts_in_both_runs() -> None:
    night = ("22:00-01:30", "America/New_York")
    assert hours_left(*night, "2026-11-01T01:10", run=0) == pytest.approx(1 / 3)
    assert hours_left(*night, "2026-11-01T01:40", run=0) is None
    assert hours_left(*night, "2026-11-01T01:10", run=1) == pytest.approx(1 / 3)
    assert hours_left(*night, "2026-11-01T01:40", run=1) is None


def test_an_end_in_a_skipped_hour_ends_the_quiet_hours() -> None:
    night = ("22:00-02:30", "America/New_York")
    assert hours_left(*night, "2026-03-08T01:59") is not None
    assert hours_left(*night, "2026-03-08T03:00") is None


@given(
    zone=st.sampled_from(ZONES),
    start=TO_THE_SECOND,
    end=TO_THE_SECOND,
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)
def test_after_the_seconds_left_it_is_not_quiet(zone: str, start: time, end: time, now: datetime) -> None:
    hours = QuietHours(start, end, ZoneInfo(zone))
    moment = now.replace(tzinfo=UTC)
    left = hours.seconds_left(moment)
    if left is None:
        return
    assert 0 < left <= 26 * HOUR
    assert hours.seconds_left(moment + timedelta(seconds=left)) is None


@given(
    zone=st.sampled_from(ZONES),
    start=TO_THE_SECOND,
    end=TO_THE_SECOND,
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)
def test_the_next_start_is_within_a_day_and_quiet(zone: str, start: time, end: time, now: datetime) -> None:
    hours = QuietHours(start, end, ZoneInfo(zone))
    moment = now.replace(tzinfo=UTC)
    if start == end or hours.seconds_left(moment) is not None:
        return
    until = hours.seconds_until(moment)
    assert 0 < until <= 25 * HOUR
    assert hours.seconds_left(moment + timedelta(seconds=until)) is not None


@pytest.mark.parametrize(("local", "expected"), [("2026-03-08T19:30", 0.5), ("2026-03-08T09:00", 11)])
def test_seconds_until_counts_to_the_next_start(local: str, expected: float) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    assert QuietHours(time(20), time(9), ZoneInfo("Asia/Kolkata")).seconds_until(now) == expected * HOUR


def test_after_quiet_hours_the_next_start_is_tomorrow() -> None:
    now = datetime(2026, 3, 8, 15, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert QuietHours(time(13), time(15), ZoneInfo("Asia/Kolkata")).seconds_until(now) == 22 * HOUR


def test_a_start_in_a_repeated_hour_counts_in_both_runs() -> None:
    zone = ZoneInfo("America/New_York")
    before = datetime(2026, 11, 1, 1, 10, tzinfo=zone)
    hours = QuietHours(time(1, 30), time(5), zone)
    assert [hours.seconds_until(before.replace(fold=run)) for run in (0, 1)] == [HOUR / 3, HOUR / 3]
