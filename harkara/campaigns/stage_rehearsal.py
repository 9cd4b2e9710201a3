"""The rehearsal of a campaign that goes out in stages, with the hours between them in which nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from harkara.campaigns.rehearsal import Rehearsal, rehearse
from harkara.campaigns.steps import CampaignSteps, Stage
from harkara.lanes import Lane
from harkara.messages.template import TemplateCategory


@dataclass(frozen=True, slots=True)
class StagesLeft:
    """What is left of a campaign: the number of messages by stage, from the present one on.

    The present stage began at `began_at`, None for a campaign that has not started. `sent_at` is when its latest
    message was sent, None without one.
    """

    messages: Counter[int] = field(default_factory=Counter)
    steps: CampaignSteps = field(default_factory=CampaignSteps)
    present: int = 1
    began_at: datetime | None = None
    sent_at: datetime | None = None


def rehearse_stages(
    left: StagesLeft,
    category: TemplateCategory,
    starts_at: datetime,
    lane: Lane,
    *,
    others: Sequence[datetime] = (),
    cost_by_category: Mapping[str, Decimal] | None = None,
) -> Rehearsal:
    """Forecast the stages that are left as `rehearse` does; the canary passes. Raises Invalid as it does.

    A stage begins when the one before is over, and its messages follow those that are still to be sent by then.
    """
    parts: list[Rehearsal] = []
    number, begin, began = 0, starts_at, left.began_at or starts_at
    for at, stage in enumerate(left.steps.stages, 1):
        if at < left.present:
            continue
        number += left.messages[at]
        due = [other for other in others if not parts or other >= begin]
        part = rehearse(number, category, begin, lane.allowance, lane.quiet_hours, others=due)
        began = max(_end(stage, left.steps, began, part.ends_at if number else left.sent_at), starts_at)
        if stage == "rest" or began > part.ends_at:
            parts += [part] if number else []
            number, begin = 0, began
    return _joined(parts or [part], cost_by_category or {})


def next_stage_at(left: StagesLeft, now: datetime) -> datetime:
    """Return when the next stage of a running campaign begins, or a time before if its canary is still being sent."""
    began = left.began_at or now
    return max(_end(left.steps.stages[left.present - 1], left.steps, began, left.sent_at), now)


def _end(stage: Stage, steps: CampaignSteps, began: datetime, sent_at: datetime | None) -> datetime:
    """Return when the next stage begins: a canary is judged after its last message, a wave lasts from its begin on."""
    if stage == "canary":
        return (sent_at or began) + timedelta(hours=steps.canary_hours)
    return began + timedelta(hours=steps.wave_hours)


def _joined(parts: Sequence[Rehearsal], cost: Mapping[str, Decimal]) -> Rehearsal:
    waits = (later.starts_at - one.ends_at for one, later in pairwise(parts))
    return Rehearsal(
        messages=sum(part.messages for part in parts),
        starts_at=parts[0].starts_at,
        ends_at=parts[-1].ends_at,
        seconds_of_sending=sum(part.seconds_of_sending for part in parts),
        paused_for_quiet=sum(part.paused_for_quiet for part in parts),
        delays_others=sum(part.delays_others for part in parts),
        cost_by_category=cost,
        between_stages=sum(wait.total_seconds() for wait in waits),
    )
