"""Quiet hours by the wall clock of their zone, also on the days on which that clock is moved."""

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


def left(hours: str, zone: str, local: str, fold: int = 0) -> float | None:
    """Hours of quiet that are left when a clock in the zone shows `local`."""
    start, end = map(time.fromisoformat, hours.split("-"))
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold)
    seconds = QuietHours(start, end, ZoneInfo(zone)).seconds_left(now.astimezone(UTC))
    return None if seconds is None else seconds / HOUR


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("19:59:59", None), ("20:00", 13), ("23:00", 10), ("00:00", 9), ("08:30", 0.5), ("09:00", None), ("12:00", None)],
)
def test_a_night_spans_midnight(clock: str, expected: float | None) -> None:
    assert left("20:00-09:00", "Asia/Kolkata", f"2026-03-08T{clock}") == expected


@pytest.mark.parametrize(("clock", "expected"), [("12:59", None), ("13:00", 2), ("14:30", 0.5), ("15:00", None)])
def test_a_noon_rest_lies_within_one_day(clock: str, expected: float | None) -> None:
    assert left("13:00-15:00", "Asia/Kolkata", f"2026-03-08T{clock}") == expected


def test_an_empty_span_is_never_quiet() -> None:
    assert left("09:00-09:00", "Asia/Kolkata", "2026-03-08T09:00") is None


@pytest.mark.parametrize(
    ("zone", "shorter", "longer"),
    [
        ("America/New_York", "2026-03-07", "2026-10-31"),
        ("Europe/London", "2026-03-28", "2026-10-24"),
        ("Australia/Sydney", "2026-10-03", "2026-04-04"),
    ],
)
def test_the_night_of_the_change_is_an_hour_shorter_or_longer(zone: str, shorter: str, longer: str) -> None:
    assert left("20:00-09:00", zone, f"{shorter}T20:00") == 12
    assert left("20:00-09:00", zone, f"{longer}T20:00") == 14


def test_lord_howe_moves_its_clock_by_half_an_hour() -> None:
    assert left("20:00-09:00", "Australia/Lord_Howe", "2026-10-03T20:00") == 12.5
    assert left("20:00-09:00", "Australia/Lord_Howe", "2026-04-04T20:00") == 13.5


def test_an_end_within_the_hour_that_comes_twice_is_kept_both_times() -> None:
    night = ("22:00-01:30", "America/New_York")
    assert left(*night, "2026-11-01T01:10", fold=0) == pytest.approx(1 / 3)
    assert left(*night, "2026-11-01T01:40", fold=0) is None
    assert left(*night, "2026-11-01T01:10", fold=1) == pytest.approx(1 / 3)
    assert left(*night, "2026-11-01T01:40", fold=1) is None


def test_an_end_that_the_clock_leaps_over_ends_the_quiet_all_the_same() -> None:
    night = ("22:00-02:30", "America/New_York")
    assert left(*night, "2026-03-08T01:59") is not None
    assert left(*night, "2026-03-08T03:00") is None


@given(
    zone=st.sampled_from(ZONES),
    start=TO_THE_SECOND,
    end=TO_THE_SECOND,
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(microsecond=0)),
)
def test_who_waits_as_long_as_he_is_told_finds_it_quiet_no_more(
    zone: str, start: time, end: time, now: datetime
) -> None:
    hours = QuietHours(start, end, ZoneInfo(zone))
    moment = now.replace(tzinfo=UTC)
    told = hours.seconds_left(moment)
    if told is None:
        return
    assert 0 < told <= 26 * HOUR
    assert hours.seconds_left(moment + timedelta(seconds=told)) is None


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
    told = hours.seconds_until(moment)
    assert 0 < told <= 25 * HOUR
    assert hours.seconds_left(moment + timedelta(seconds=told)) is not None


@pytest.mark.parametrize(("local", "expected"), [("2026-03-08T19:30", 0.5), ("2026-03-08T09:00", 11)])
def test_until_the_next_night_it_is_not_quiet(local: str, expected: float) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    assert QuietHours(time(20), time(9), ZoneInfo("Asia/Kolkata")).seconds_until(now) == expected * HOUR


def test_after_a_noon_rest_the_next_one_is_tomorrows() -> None:
    now = datetime(2026, 3, 8, 15, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert QuietHours(time(13), time(15), ZoneInfo("Asia/Kolkata")).seconds_until(now) == 22 * HOUR


def test_a_start_within_the_hour_that_comes_twice_is_kept_both_times() -> None:
    zone = ZoneInfo("America/New_York")
    before = datetime(2026, 11, 1, 1, 10, tzinfo=zone)
    hours = QuietHours(time(1, 30), time(5), zone)
    assert [hours.seconds_until(before.replace(fold=fold)) for fold in (0, 1)] == [HOUR / 3, HOUR / 3]
