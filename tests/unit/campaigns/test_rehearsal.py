"""Rehearsals: results that were calculated by hand, and properties of every rehearsal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.campaigns import Rehearsal, rehearse
from harkara.errors import Invalid
from harkara.lanes import QuietHours
from harkara.limits import Allowance

INDIA = ZoneInfo("Asia/Kolkata")
NIGHT = QuietHours(time(20), time(9), INDIA)
LANE = Allowance(20, 60.0)
MARKETING_PACE, LANE_PACE = 60.6 / 18, 60.6 / 20
"""Seconds between two messages in a lane of 20 in 60 s, of which 2 are reserved: for marketing, and for all."""

ZONES = ["Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]


def india(clock: str, day: int = 4) -> datetime:
    return datetime.combine(date(2026, 5, day), time.fromisoformat(clock), INDIA)


def seconds(rehearsal: Rehearsal) -> float:
    return (rehearsal.ends_at - rehearsal.starts_at).total_seconds()


# Calculated by hand


def test_marketing_leaves_the_reserved_part() -> None:
    rehearsal = rehearse(1_000, "marketing", india("10:00"), LANE, NIGHT)
    assert rehearsal.starts_at == india("10:00")
    assert rehearsal.ends_at == india("10:56:03.3")
    assert rehearsal.seconds_of_sending == pytest.approx(999 * MARKETING_PACE)
    assert rehearsal.paused_for_quiet == 0


def test_another_category_has_the_whole_allowance_and_no_quiet_hours() -> None:
    rehearsal = rehearse(1_000, "utility", india("19:30"), LANE, NIGHT)
    assert rehearsal.ends_at == india("20:20:26.97")


def test_a_gap_that_is_longer_than_the_pace_decides() -> None:
    assert seconds(rehearse(11, "utility", india("10:00"), Allowance(20, 60.0, gap=6.0))) == pytest.approx(60.6)


def test_quiet_hours_interrupt_the_campaign() -> None:
    rehearsal = rehearse(2_000, "marketing", india("19:00"), LANE, NIGHT)
    assert rehearsal.paused_for_quiet == 13 * 3600
    assert rehearsal.ends_at == india("09:52:09.966667", day=5)
    assert rehearsal.seconds_of_sending == pytest.approx(1_999 * MARKETING_PACE)


def test_a_start_in_quiet_hours_moves_to_their_end() -> None:
    rehearsal = rehearse(2, "marketing", india("23:00"), LANE, NIGHT)
    assert (rehearsal.starts_at, rehearsal.paused_for_quiet) == (india("09:00", day=5), 0)


def test_a_campaign_of_weeks_pauses_every_night() -> None:
    rehearsal = rehearse(200_000, "marketing", india("09:00"), LANE, NIGHT)
    days, rest = divmod(199_999 * MARKETING_PACE, 11 * 3600)
    assert days == 17
    assert rehearsal.ends_at == india("09:00", day=4 + 17) + timedelta(seconds=rest)
    assert rehearsal.paused_for_quiet == 17 * 13 * 3600


def test_without_an_allowance_all_messages_are_sent_at_once() -> None:
    rehearsal = rehearse(100_000, "marketing", india("10:00"), None, NIGHT, others=[india("10:00")])
    assert (rehearsal.ends_at, rehearsal.delays_others) == (india("10:00"), 0)


@pytest.mark.parametrize("messages", [0, 1])
def test_no_message_and_one_message_take_no_time(messages: int) -> None:
    assert seconds(rehearse(messages, "marketing", india("10:00"), LANE, NIGHT)) == 0


def test_others_within_the_reserved_part_delay_nothing() -> None:
    others = [india("10:10"), india("10:10"), india("10:12"), india("10:12")]
    rehearsal = rehearse(1_000, "marketing", india("10:00"), LANE, NIGHT, others=others)
    assert (rehearsal.delays_others, rehearsal.ends_at) == (0, india("10:56:03.3"))


def test_others_beyond_the_reserved_part_take_a_slot_each() -> None:
    rehearsal = rehearse(1_000, "marketing", india("10:00"), LANE, NIGHT, others=[india("10:10")] * 10)
    assert rehearsal.delays_others == 8
    assert seconds(rehearsal) == pytest.approx((999 + 8) * MARKETING_PACE)


def test_another_category_reserves_nothing_for_others() -> None:
    rehearsal = rehearse(1_000, "utility", india("10:00"), LANE, NIGHT, others=[india("10:10")] * 10)
    assert rehearsal.delays_others == 10
    assert seconds(rehearsal) == pytest.approx((999 + 10) * LANE_PACE)


def test_overdue_others_count_at_the_start_and_those_after_the_end_do_not_count() -> None:
    others = [*[india("08:00")] * 2, *[india("09:00")] * 2, *[india("11:30")] * 30]
    assert rehearse(1_000, "marketing", india("10:00"), LANE, NIGHT, others=others).delays_others == 2


def test_others_in_quiet_hours_delay_nothing_before_their_end() -> None:
    assert rehearse(5_000, "utility", india("22:00"), LANE, NIGHT, others=[india("23:00")] * 30).delays_others == 0


def test_a_repeated_quiet_hour_moves_the_last_message() -> None:
    zone = ZoneInfo("America/New_York")
    start = datetime(2026, 11, 1, 1, 30, tzinfo=zone)
    rehearsal = rehearse(803, "marketing", start, LANE, QuietHours(time(22), time(1, 30), zone))
    assert rehearsal.ends_at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # the second 01:30


def test_others_that_are_due_at_night_are_sent_first_in_the_morning() -> None:
    rehearsal = rehearse(100, "marketing", india("22:00"), LANE, NIGHT, others=[india("23:00")] * 300)
    assert rehearsal.delays_others == 300 - 2 * 15  # they take 15 windows, each with 2 reserved slots
    assert rehearsal.ends_at == india("09:00", day=5) + timedelta(seconds=(99 + 270) * MARKETING_PACE)


def test_the_cost_is_passed_through() -> None:
    cost = {"marketing": Decimal("863.10")}
    assert rehearse(1_000, "marketing", india("10:00"), LANE, cost_by_category=cost).cost_by_category == cost


def test_more_than_a_year_and_a_naive_start_are_refused() -> None:
    with pytest.raises(Invalid, match="allowance: is too small for this campaign"):
        rehearse(400, "utility", india("10:00"), Allowance(1, 86_400.0))
    with pytest.raises(Invalid, match="allowance: is too small"):
        rehearse(400, "marketing", india("10:00"), LANE, QuietHours(time(10, 0, 1), time(10), INDIA))
    with pytest.raises(Invalid, match="starts_at: has no time zone"):
        rehearse(1, "marketing", datetime(2026, 5, 4), LANE)


# Properties

MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
HOURS = st.builds(
    QuietHours,
    st.times().map(lambda clock: clock.replace(minute=0, second=0, microsecond=0)),
    st.times().map(lambda clock: clock.replace(minute=30, second=0, microsecond=0)),
    st.sampled_from(ZONES).map(ZoneInfo),
)
COUNTS = st.integers(1, 100)


@st.composite
def campaigns(draw: st.DrawFn) -> dict[str, Any]:
    """Draw all arguments but the allowance; the others are due around the start."""
    starts_at = draw(MOMENTS)
    minutes = draw(st.lists(st.integers(-60, 3_000), max_size=60))
    return {
        "messages": draw(st.integers(1, 10_000)),
        "category": draw(st.sampled_from(["marketing", "utility"])),
        "starts_at": starts_at,
        "quiet_hours": draw(HOURS),
        "others": [starts_at + timedelta(minutes=each) for each in minutes],
    }


@given(campaigns(), COUNTS)
def test_marketing_begins_and_ends_outside_quiet_hours(campaign: dict[str, Any], count: int) -> None:
    hours: QuietHours = campaign["quiet_hours"]
    rehearsal = rehearse(**campaign | {"category": "marketing"}, allowance=Allowance(count, 60.0))
    assert hours.seconds_left(rehearsal.starts_at) is None
    assert hours.seconds_left(rehearsal.ends_at) is None


@given(campaigns(), COUNTS)
def test_sending_and_pauses_add_up_and_every_message_has_a_slot(campaign: dict[str, Any], count: int) -> None:
    allowance = Allowance(count, 60.0)
    rehearsal = rehearse(**campaign, allowance=allowance)
    reserved = allowance.reserved if campaign["category"] == "marketing" else 0
    slots = rehearsal.messages - 1 + rehearsal.delays_others
    assert rehearsal.seconds_of_sending * (count - reserved) / 60.6 == pytest.approx(slots)
    assert seconds(rehearsal) == pytest.approx(rehearsal.seconds_of_sending + rehearsal.paused_for_quiet, abs=0.002)
    assert rehearsal.delays_others <= len(campaign["others"])


@given(campaigns(), COUNTS, COUNTS)
def test_more_allowance_never_ends_later(campaign: dict[str, Any], one: int, other: int) -> None:
    ends = [rehearse(**campaign | {"others": ()}, allowance=Allowance(count, 60.0)).ends_at for count in (one, other)]
    assert ends == sorted(ends, reverse=one < other) or one == other


@given(campaigns())
def test_a_later_start_never_ends_earlier(campaign: dict[str, Any]) -> None:
    def ends(minutes: Sequence[int]) -> list[datetime]:
        alone = campaign | {"others": ()}
        starts = [campaign["starts_at"] + timedelta(minutes=each) for each in minutes]
        return [rehearse(**alone | {"starts_at": start}, allowance=LANE).ends_at for start in starts]

    found = ends(range(0, 1_500, 100))
    assert found == sorted(found)
