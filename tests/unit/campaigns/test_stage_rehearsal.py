"""Rehearsals of campaigns in stages: the hours between them count, and messages of an earlier stage are sent first."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harkara.campaigns import Rehearsal, rehearse
from harkara.campaigns.stage_rehearsal import StagesLeft, rehearse_stages
from harkara.campaigns.steps import CampaignSteps
from harkara.lanes import Lane
from tests.unit.campaigns.test_rehearsal import LANE, LANE_PACE, MARKETING_PACE, NIGHT, india, seconds

DAY_LANE, NO_LIMIT = Lane("default", "token", LANE, quiet_hours=NIGHT), Lane("default", "token", None)
CANARY = CampaignSteps(canary=0.1, canary_hours=2)
WAVES = CampaignSteps(wave_share=0.5, wave_hours=3)
ALL = CampaignSteps(canary=0.1, canary_hours=2, wave_share=0.5, wave_hours=3)


def rehearsed(steps: CampaignSteps, *messages: int, lane: Lane = DAY_LANE, **options: Any) -> Rehearsal:
    left = {name: options.pop(name) for name in ("present", "began_at", "sent_at") if name in options}
    first = left.get("present", 1)
    stages = StagesLeft(Counter(dict(enumerate(messages, first))), steps, **left)
    return rehearse_stages(stages, options.pop("category", "utility"), india("10:00"), lane, **options)


def test_without_steps_it_is_the_rehearsal_of_all_messages() -> None:
    others = [india("10:10")] * 10
    alone = rehearse(1_000, "marketing", india("10:00"), LANE, NIGHT, others=others)
    assert rehearsed(CampaignSteps(), 1_000, category="marketing", others=others) == alone


def test_the_rest_begins_hours_after_the_last_message_of_the_canary() -> None:
    found = rehearsed(CANARY, 101, 1_001)
    assert (found.messages, found.between_stages) == (1_102, 2 * 3600)
    assert found.seconds_of_sending == pytest.approx(1_100 * LANE_PACE)
    assert seconds(found) == pytest.approx(1_100 * LANE_PACE + 2 * 3600)


def test_the_rest_begins_hours_after_the_begin_of_the_first_wave() -> None:
    found = rehearsed(WAVES, 101, 101)
    assert found.ends_at == india("13:00") + timedelta(seconds=100 * LANE_PACE)
    assert found.between_stages == pytest.approx(3 * 3600 - 100 * LANE_PACE)


def test_a_first_wave_that_takes_longer_delays_the_rest_without_a_wait() -> None:
    found = rehearsed(WAVES, 10_000, 10_001)
    assert found.between_stages == 0
    assert seconds(found) == pytest.approx(20_000 * LANE_PACE)


def test_a_campaign_with_canary_and_waves_waits_twice() -> None:
    assert rehearsed(ALL, 1, 1, 1, lane=NO_LIMIT).ends_at == india("15:00")


def test_a_stage_that_begins_at_night_waits_for_the_morning_when_it_is_marketing() -> None:
    night = CampaignSteps(wave_share=0.5, wave_hours=12)
    found = rehearsed(night, 1, 2, category="marketing")
    assert found.ends_at == india("09:00", day=5) + timedelta(seconds=MARKETING_PACE)
    assert found.between_stages == 23 * 3600


def test_a_running_campaign_waits_only_for_what_is_left_of_the_hours() -> None:
    assert rehearsed(CANARY, 0, 1, sent_at=india("09:30"), began_at=india("09:00")).starts_at == india("11:30")
    assert rehearsed(CANARY, 0, 1, sent_at=india("07:30"), began_at=india("07:00")).starts_at == india("10:00")
    assert rehearsed(WAVES, 0, 1, began_at=india("08:00")).starts_at == india("11:00")
    assert rehearsed(ALL, 1, 1, present=2, began_at=india("09:00")).ends_at == india("12:00")
    assert rehearsed(ALL, 1, present=3, began_at=india("09:00")).ends_at == india("10:00")


def test_others_that_are_due_during_a_wait_delay_nothing() -> None:
    assert rehearsed(CANARY, 1, 101, others=[india("11:00")] * 30).delays_others == 0
    assert rehearsed(CANARY, 1, 101, others=[india("12:00")] * 30).delays_others == 30


@given(
    counts=st.lists(st.integers(0, 500), min_size=3, max_size=3),
    hours=st.tuples(st.floats(0, 48), st.floats(0, 48)),
    category=st.sampled_from(["utility", "marketing"]),
)
def test_the_parts_of_the_time_add_up(counts: list[int], hours: tuple[float, float], category: str) -> None:
    steps = CampaignSteps(canary=0.1, canary_hours=hours[0], wave_share=0.5, wave_hours=hours[1])
    found = rehearsed(steps, *counts, category=category)
    parts = found.seconds_of_sending + found.paused_for_quiet + found.between_stages
    assert found.messages == sum(counts)
    assert seconds(found) == pytest.approx(parts, abs=0.01)
