"""Properties of every schedule, for generated occasions, rules, quiet hours and current times."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from harkara.lanes import QuietHours
from harkara.occasions import PlannedReminder, Rule, schedule
from harkara.occasions.local_time import Span, whole_day
from harkara.occasions.rules import Offset
from tests.unit.occasions.cases import SHIPPED, ZONES, rule

DAY = 24 * 60
CHANGES = [(2026, 3, 8), (2026, 11, 1), (2026, 3, 29), (2026, 10, 25), (2026, 4, 5), (2026, 10, 4), (2028, 2, 29)]
"""Days with a clock change in one of the zones, and a leap day."""
UNITS_IN_A_DAY = {"m": DAY, "d": 1}


def offsets(unit: str, least: int, most: int) -> st.SearchStrategy[str]:
    """Draw an offset of `least` to `most` units before the occasion; a negative number of units is after it."""
    return st.integers(least, most).map(lambda amount: f"{-amount:+d}{unit}" if amount else f"0{unit}")


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Draw a valid rule, with its preferred time and the bounds of its span in either unit."""
    unit, other = draw(st.permutations("md"))
    day, day_of_other = UNITS_IN_A_DAY[unit], UNITS_IN_A_DAY[other]
    own = draw(st.integers(-4 * day, 4 * day))
    clock = f" {draw(st.times()):%H:%M}" if unit == "d" else ""
    since = offsets(unit, own, 6 * day) | offsets(other, -3 * day_of_other, 6 * day_of_other)
    until = offsets(other, -6 * day_of_other, 4 * day_of_other) | offsets(unit, -6 * day, own - 1)
    policy = draw(st.sampled_from(["earlier", "later", "either", "skip", "ignore"]))
    return rule(draw(offsets(unit, own, own)) + clock, policy, since=draw(since), until=draw(until))


@st.composite
def quiet_hours(draw: st.DrawFn) -> QuietHours:
    """Draw quiet hours of 30 minutes to 20 hours."""
    start, length = draw(st.integers(0, DAY - 1)), draw(st.integers(30, 20 * 60))
    end = (start + length) % DAY
    return QuietHours(time(*divmod(start, 60)), time(*divmod(end, 60)), ZoneInfo(draw(st.sampled_from(ZONES))))


near_a_change = st.builds(
    lambda day, minutes: datetime.combine(date(*day), time(), UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-2 * DAY, 4 * DAY),
)
any_time = st.datetimes(datetime(2024, 1, 1), datetime(2032, 1, 1), timezones=st.just(UTC))
whole_days = st.builds(whole_day, st.dates(date(2024, 1, 1), date(2032, 1, 1)), st.sampled_from(ZONES).map(ZoneInfo))
times = st.one_of(near_a_change, any_time, whole_days)
zones = st.sampled_from(ZONES).map(ZoneInfo)
tables = st.dictionaries(st.sampled_from("abcd"), rules(), min_size=1)
before = st.timedeltas(timedelta(days=-8), timedelta(days=8))
maybe_quiet = st.one_of(st.none(), quiet_hours())


def reached(bound: Offset, at: datetime, moment: datetime, zone: ZoneInfo) -> bool:
    """Whether a bound is reached, by elapsed seconds or by the local date."""
    if bound.unit == "days":
        return local_date(moment, zone) >= local_date(at, zone) + timedelta(days=bound.amount)
    span = Span.from_at(at, zone)
    return moment >= (span.start if bound.amount < 0 else span.end) + timedelta(seconds=bound.amount)


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


@given(at=times, zone=zones, table=tables, ahead=before, quiet=maybe_quiet)
def test_a_planned_reminder_lies_in_its_span_and_outside_quiet_hours(
    at: datetime, zone: ZoneInfo, table: dict[str, Rule], ahead: timedelta, quiet: QuietHours | None
) -> None:
    now = at - ahead
    for planned in schedule(at, zone, table, now, quiet):
        if not isinstance(planned, PlannedReminder):
            continue
        own_rule = table[planned.rule]
        assert now <= planned.due_at < planned.expires_at
        assert reached(own_rule.not_before, at, planned.due_at, zone)
        assert reached(own_rule.useful_until, at, planned.expires_at, zone)
        assert not reached(own_rule.useful_until, at, planned.expires_at - timedelta(microseconds=1), zone)
        assert own_rule.quiet == "ignore" or quiet is None or quiet.seconds_left(planned.due_at) is None


@given(at=times, zone=zones, table=tables, ahead=before, quiet=maybe_quiet, data=st.data())
def test_the_result_depends_neither_on_the_order_of_rules_nor_on_the_zone_of_the_arguments(
    at: datetime,
    zone: ZoneInfo,
    table: dict[str, Rule],
    ahead: timedelta,
    quiet: QuietHours | None,
    data: st.DataObject,
) -> None:
    results = schedule(at, zone, table, at - ahead, quiet)
    shuffled = dict(data.draw(st.permutations(list(table.items()))))
    assert schedule(at.astimezone(zone), zone, shuffled, (at - ahead).astimezone(zone), quiet) == results


@given(at=times, zone=zones, table=tables, ahead=before, quiet=maybe_quiet)
def test_every_rule_has_a_result_and_due_times_increase(
    at: datetime, zone: ZoneInfo, table: dict[str, Rule], ahead: timedelta, quiet: QuietHours | None
) -> None:
    results = schedule(at, zone, table, at - ahead, quiet)
    assert sorted(each.rule for each in results) == sorted(table)
    due = [each.due_at for each in results if isinstance(each, PlannedReminder)]
    assert all(one < next_one for one, next_one in pairwise(due))


@given(at=times, zone=zones, table=tables, ahead=before, more=before.map(abs), quiet=maybe_quiet)
def test_a_later_now_adds_no_reminder_and_moves_none_to_an_earlier_time(
    at: datetime, zone: ZoneInfo, table: dict[str, Rule], ahead: timedelta, more: timedelta, quiet: QuietHours | None
) -> None:
    """This includes reminders that quiet hours move, since the policy of a rule does not depend on now."""
    early, late = planned(at, zone, table, at - ahead - more, quiet), planned(at, zone, table, at - ahead, quiet)
    assert late.keys() <= early.keys()
    assert all(early[name] <= due for name, due in late.items())


@given(at=times, zone=zones, table=tables, ahead=before, share=st.floats(0, 1), quiet=maybe_quiet)
def test_the_schedule_stays_the_same_until_the_first_due_time(
    at: datetime, zone: ZoneInfo, table: dict[str, Rule], ahead: timedelta, share: float, quiet: QuietHours | None
) -> None:
    now = at - ahead
    if first := min(planned(at, zone, table, now, quiet).values(), default=None):
        again = now + (first - now) * share
        assert planned(at, zone, table, again, quiet) == planned(at, zone, table, now, quiet)


@given(at=times, zone=zones, ahead=before, quiet=maybe_quiet, kind=st.sampled_from(["appointment", "reservation"]))
def test_a_reminder_with_the_word_tomorrow_is_due_on_the_day_before(
    at: datetime, zone: ZoneInfo, ahead: timedelta, quiet: QuietHours | None, kind: str
) -> None:
    due = planned(at, zone, dict(SHIPPED.for_kind(kind)), at - ahead, quiet)
    if "-24h" in due:
        assert local_date(due["-24h"], zone) == local_date(at, zone) - timedelta(days=1)


def planned(
    at: datetime, zone: ZoneInfo, table: dict[str, Rule], now: datetime, quiet: QuietHours | None
) -> dict[str, datetime]:
    results = schedule(at, zone, table, now, quiet)
    return {each.rule: each.due_at for each in results if isinstance(each, PlannedReminder)}
