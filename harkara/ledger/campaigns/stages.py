"""Decides when the next stage of a campaign begins: after its canary was judged, or some time after its first wave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import case, func, or_, select

from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import CampaignSteps, CanaryCounts, judge_canary, producer
from harkara.ledger.campaigns.responses import OPTED_OUT, SAME_CONTACT
from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.tables import contact, message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State

PRIORITIES = (0, 1, 2, 3)
"""All priorities: with them the index of due messages finds those of one producer."""


def stage_is_over(tx: Transaction, found: CampaignSummary, row: Row) -> tuple[bool, str | None]:
    """Return whether the present stage of a running campaign is over, and why the campaign must pause after it."""
    steps = CampaignSteps.load(row["steps"])
    if found.stage >= found.stages:
        return False, None
    if steps.stages[found.stage - 1] == "wave":
        return tx.now >= row["stage_at"] + timedelta(hours=steps.wave_hours), None
    if _is_sending(tx, found) or not _is_old_enough(tx, found, steps):
        return False, None
    return True, judge_canary(_count(tx, found), steps, found.error_share)


def _is_sending(tx: Transaction, found: CampaignSummary) -> bool:
    """Whether a message of the stage is unsent. Those of later stages wait, and are not read."""
    mine = (message.c.lane == found.lane, message.c.priority.in_(PRIORITIES))
    waiting = (in_state(State.WAITING), *mine, message.c.producer == producer(found.id, found.stage))
    leased = (LEASED, message.c.campaign_id == found.id)
    return any(tx.execute(select(message.c.id).where(*each).limit(1)).first() for each in (waiting, leased))


def _is_old_enough(tx: Transaction, found: CampaignSummary, steps: CampaignSteps) -> bool:
    last = tx.execute(select(func.max(message.c.posted_at)).where(message.c.campaign_id == found.id)).scalar()
    return last is None or bool(tx.now >= last + timedelta(hours=steps.canary_hours))


def _count(tx: Transaction, found: CampaignSummary) -> CanaryCounts:
    """Count what became of the messages that were sent: those of the canary alone, as long as it is the stage."""
    query = (
        select(
            func.count(),
            _number(in_state(State.DELIVERED, State.READ)),
            _number(in_state(State.FAILED)),
            _number(or_(OPTED_OUT, message.c.opted_out)),
        )
        .select_from(message)
        .join(contact, SAME_CONTACT, isouter=True)
        .where(message.c.campaign_id == found.id, message.c.posted_at.is_not(None))
    )
    return CanaryCounts(*map(int, tx.execute(query).one()))


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
