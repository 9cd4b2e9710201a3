"""The results of a campaign: what became of its messages, why some did not arrive, its pace and what it has cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from harkara.campaigns.counts import CampaignCounts, CampaignFailures
from harkara.campaigns.stage_rehearsal import StagesLeft, rehearse_stages
from harkara.campaigns.status import CampaignSummary
from harkara.errors import Invalid
from harkara.lanes import Lane
from harkara.messages.template import TemplateCategory
from harkara.states import UNSENT, CampaignState, State

PACE_OVER = timedelta(minutes=5)
"""The pace is that of the latest minutes."""

TO_SEND = UNSENT | {State.SENDING}
"""The states of messages that the campaign has still to send."""


@dataclass(frozen=True, slots=True)
class CampaignResults:
    """The results at the time `at`.

    `posted` is the number of POSTs within PACE_OVER, `spent` micros by currency, `stages` what each has still to send.
    `deleted` messages are in the sums alone. `counted_at` is the time of the counts, None if it is `at`.
    """

    campaign: CampaignSummary
    at: datetime
    counts: CampaignCounts
    posted: int
    spent: Mapping[str, int]
    stages: StagesLeft
    deleted: int = 0
    counted_at: datetime | None = None

    def count(self, states: Iterable[State]) -> int:
        """Return how many messages are in one of these states."""
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def by_state(self) -> Mapping[State, int]:
        return self.counts.by_state

    @property
    def failures(self) -> Sequence[CampaignFailures]:
        return self.counts.failures

    @property
    def left(self) -> int:
        """The messages that are still to be sent."""
        return self.count(TO_SEND)

    @property
    def done(self) -> int:
        return self.campaign.audience - self.left

    @property
    def a_minute(self) -> float:
        """Messages a minute, over PACE_OVER."""
        return self.posted / (PACE_OVER.total_seconds() / 60)

    @property
    def is_stuck(self) -> bool:
        """Whether a running campaign with messages to send has sent none within PACE_OVER."""
        run_long = self.campaign.resumed_at is not None and self.campaign.resumed_at <= self.at - PACE_OVER
        return self.campaign.state is CampaignState.RUNNING and run_long and bool(self.left) and not self.posted

    def ends_at(self, lane: Lane | None) -> datetime | None:
        """Return when the last message is sent at the pace of its lane, with quiet hours and the waits between stages.

        None if nothing is to be sent, if it takes more than a year, and without a lane.
        """
        if lane is None or not self.left:
            return None
        begin = max(self.at, self.campaign.start_at or self.at)
        try:
            category = cast("TemplateCategory", self.campaign.category)
            return rehearse_stages(self.stages, category, begin, lane).ends_at
        except Invalid:
            return None
