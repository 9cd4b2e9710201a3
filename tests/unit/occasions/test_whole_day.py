"""An occasion on a date without a time is the whole day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.errors import Invalid
from harkara.occasions import Occasion, Rule, schedule
from harkara.occasions.local_time import Span, day_of, whole_day
from tests.unit.occasions.cases import SHIPPED, ZONES, by_rule, hours, local, rule

KOLKATA = "Asia/Kolkata"
NIGHT = hours("20:00-09:00", KOLKATA)
DAY = date(2026, 12, 5)
LONG_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


def occasion(at: date | str, zone: str = KOLKATA) -> Occasion:
    return Occasion(kind="payment", reference="inv-1", to="+919876500001", at=at, zone=zone)


def result_of(single: Rule, zone: str, day: date, now: datetime = LONG_BEFORE) -> str:
    at = whole_day(day, ZoneInfo(zone))
    return by_rule(schedule(at, ZoneInfo(zone), {"it": single}, now, None))["it"]


@pytest.mark.parametrize("at", [DAY, "2026-12-05", "20261205"])
def test_a_date_is_the_day_in_every_notation(at: date | str) -> None:
    saved = occasion(at)
    assert saved.day == DAY
    assert saved.at.isoformat() == "2026-12-05T18:29:59.999999+00:00"


@pytest.mark.parametrize("at", ["2026-12-05T00:00", "2026-12-05 23:59", datetime(2026, 12, 5, 10, 30)])
def test_a_time_is_a_time_also_at_midnight(at: datetime | str) -> None:
    assert occasion(at).day is None


def test_a_day_survives_json() -> None:
    """Producers and workers pass occasions on through Redis."""
    assert Occasion.from_json(occasion(DAY).to_json()).day == DAY


@pytest.mark.parametrize("at", [True, 20261205, "2026-13-01", "5 December"])
def test_what_is_neither_a_date_nor_a_time_is_refused(at: object) -> None:
    with pytest.raises(Invalid, match=r"^at: "):
        Occasion(kind="payment", reference="i", to="+919876500001", at=at, zone=KOLKATA)  # type: ignore[arg-type]


def test_a_day_that_the_zone_skipped_is_refused() -> None:
    """Samoa went from 29 to 31 December 2011."""
    with pytest.raises(Invalid, match=r"^at: is a day that this time zone skipped"):
        occasion("2011-12-30", "Pacific/Apia")


def test_the_reminder_on_the_day_is_sent_and_is_useful_until_the_day_ends() -> None:
    at = whole_day(DAY, ZoneInfo(KOLKATA))
    results = schedule(at, ZoneInfo(KOLKATA), SHIPPED.for_kind("payment"), LONG_BEFORE, NIGHT)
    assert by_rule(results) == {"-3d": "2026-12-02T04:30", "-1d": "2026-12-04T04:30", "0d": "2026-12-05T04:30"}
    late = schedule(at, ZoneInfo(KOLKATA), SHIPPED.for_kind("payment"), local(KOLKATA, "2026-12-05T19:59"), NIGHT)
    assert by_rule(late)["0d"] == "2026-12-05T14:29"
    assert result_of(rule("0d 10:00"), KOLKATA, DAY, local(KOLKATA, "2026-12-05T23:59")) == "2026-12-05T18:29"
    assert result_of(rule("0d 10:00"), KOLKATA, DAY, local(KOLKATA, "2026-12-06T00:00")) == "too-late"


@pytest.mark.parametrize(
    ("zone", "day", "own", "until", "due"),
    [
        # Hours before the occasion count from the midnight at its start, others from the midnight at its end.
        (KOLKATA, DAY, "-24h", "0h", "2026-12-03T18:30"),
        (KOLKATA, DAY, "-2h", "0h", "2026-12-04T16:30"),
        (KOLKATA, DAY, "+2h", "+3h", "2026-12-05T20:30"),
        (KOLKATA, DAY, "+1d 10:00", "+2d", "2026-12-06T04:30"),
        # The day has 23 or 25 hours.
        ("America/New_York", date(2026, 3, 8), "-24h", "0h", "2026-03-07T05:00"),
        ("America/New_York", date(2026, 3, 8), "+1h", "+3h", "2026-03-09T05:00"),
        ("America/New_York", date(2026, 11, 1), "+1h", "+3h", "2026-11-02T06:00"),
        # The clock goes back from 24:00 to 23:00, and the last hour of the day occurs twice.
        ("America/Havana", date(2026, 10, 31), "0d 10:00", "0h", "2026-10-31T14:00"),
    ],
)
def test_times_relative_to_a_whole_day(zone: str, day: date, own: str, until: str, due: str) -> None:
    assert result_of(rule(own, until=until), zone, day) == due


@given(
    day=st.dates(date(2000, 1, 1), date(2100, 1, 1)), zone=st.sampled_from([*ZONES, "America/Havana", "Asia/Beirut"])
)
def test_the_span_of_a_day_lies_between_its_midnights(day: date, zone: str) -> None:
    at = whole_day(day, ZoneInfo(zone))
    span = Span.from_at(at, ZoneInfo(zone))
    assert day_of(at, ZoneInfo(zone)) == span.day == day
    assert span.start <= at < span.end
    first, last = (moment.astimezone(ZoneInfo(zone)) for moment in (span.start, at))
    assert (first.date(), last.date(), last.time()) == (day, day, time.max)
    assert span.end.astimezone(ZoneInfo(zone)).date() > day
