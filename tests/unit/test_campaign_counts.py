"""The counts of a campaign: their form in the ledger, and how often a campaign is counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from harkara.campaigns.counts import LEAST_PAUSE, CampaignCounts, CampaignFailures, pause_after_count
from harkara.campaigns.effect import measure
from harkara.states import CampaignState, State

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def test_stored_counts_are_read_as_they_were() -> None:
    counts = CampaignCounts(
        by_state={State.DELIVERED: 7, State.FAILED: 2},
        failures=[CampaignFailures(State.FAILED, "131026", 2, None)],
        to_send={"camp_1-2": 3},
        countries=Counter({"91": 8, "": 1}),
        answered=2,
        opted_out=1,
        effect=measure(datetime(2026, 11, 29, tzinfo=UTC), 7, (9, 2), (3, 0), final=False),
    )
    assert CampaignCounts.load(counts.dump()) == counts


def test_a_running_campaign_is_counted_again_soon_and_a_long_count_rests() -> None:
    assert pause_after_count(CampaignState.RUNNING, DAY, 0.1 * SECOND) == LEAST_PAUSE
    assert pause_after_count(CampaignState.RUNNING, DAY, 2 * SECOND) == 100 * SECOND


def test_what_does_not_run_is_counted_less_and_less() -> None:
    pauses = [
        pause_after_count(CampaignState.FINISHED, age, 0.1 * SECOND) for age in (SECOND, HOUR, 50 * DAY, 400 * DAY)
    ]
    assert pauses == [LEAST_PAUSE, 72 * SECOND, DAY, DAY]
