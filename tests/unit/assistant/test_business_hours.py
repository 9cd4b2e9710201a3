"""People are back at the next period of the hours, local to the lane, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harkara.assistant.business_hours import BusinessHours

WEEK = BusinessHours.model_validate(
    {
        "monday": ["15:00-19:00", "10:00-13:00"],
        "wednesday": ["00:00-24:00"],
        "sunday": ["01:30-03:00"],
        "holidays": ["2027-01-13"],
    }
)


@pytest.mark.parametrize(
    ("zone", "now", "back"),
    [
        ("Asia/Kolkata", "2027-01-11 10:00", None),
        ("Asia/Kolkata", "2027-01-11 09:59", "2027-01-11 10:00+05:30"),
        ("Asia/Kolkata", "2027-01-11 13:00", "2027-01-11 15:00+05:30"),
        ("Asia/Kolkata", "2027-01-11 19:00", "2027-01-17 01:30+05:30"),  # the Wednesday is a holiday
        ("Asia/Kolkata", "2027-01-20 23:59", None),
        ("Asia/Kolkata", "2027-01-21 00:00", "2027-01-24 01:30+05:30"),
        ("Europe/Berlin", "2027-03-28 00:10", "2027-03-28 01:30+01:00"),  # at 02:00 it is 03:00
        ("Europe/Berlin", "2027-03-28 01:45", None),
        ("Europe/Berlin", "2027-03-28 03:00", "2027-03-29 10:00+02:00"),
        ("America/New_York", "2027-11-07 00:30", "2027-11-07 01:30-04:00"),  # 01:30 comes twice
    ],
)
def test_people_are_back_at_the_next_period(zone: str, now: str, back: str | None) -> None:
    found = WEEK.back_at(datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)), ZoneInfo(zone))
    assert (found.isoformat(" ", "minutes") if found else None) == back


def test_a_period_in_the_hour_that_clocks_repeat_begins_again() -> None:
    zone = ZoneInfo("America/New_York")
    again = datetime(2027, 11, 7, 6, 10, tzinfo=UTC)  # 01:10 for the second time
    found = WEEK.back_at(again, zone)
    assert found is not None
    assert found.isoformat(" ", "minutes") == "2027-11-07 01:30-05:00"


def test_without_hours_people_always_answer() -> None:
    assert BusinessHours().back_at(datetime(2027, 1, 11, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) is None


@pytest.mark.parametrize("period", ["19:00-10:00", "10:00", "ten-eleven", "10:00-10:00", "25:00-26:00", "10.30-18.30"])
def test_a_period_must_be_one(period: str) -> None:
    with pytest.raises(ValidationError):
        BusinessHours.model_validate({"monday": [period]})


@given(
    st.datetimes(datetime(2027, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_at_the_time_named_people_are_there(now: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    back = WEEK.back_at(now, zone)
    assert back is None or (back > now and WEEK.back_at(back, zone) is None)
