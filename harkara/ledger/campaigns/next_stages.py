"""Reads which campaigns have a stage to come, when it begins, and how many messages it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select

from harkara.campaigns.stage_rehearsal import next_stage_at
from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import producer
from harkara.ledger.campaigns.queries import stages_left, summary_fields
from harkara.ledger.campaigns.stages import PRIORITIES
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.messages.search import Count
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Transaction
from harkara.states import CampaignState, State

MOST_CAMPAIGNS: Final = 20
MOST_READ: Final = 30_000


class NextStage(NamedTuple):
    """The next stage of a running campaign, which begins at `begins_at` unless the campaign pauses before."""

    lane: str
    campaign_id: str
    name: str
    number: Count
    begins_at: datetime


def list_next_stages(db: Database, lanes: Collection[str], *, most: int = MOST_READ) -> list[NextStage]:
    """Return the next stages in these lanes, of the newest campaigns. At most `most` messages of each are counted.

    Raises Unavailable.
    """
    found = (
        select(campaign)
        .where(
            campaign.c.state == CampaignState.RUNNING.value,
            campaign.c.stage < campaign.c.stages,
            campaign.c.lane.in_(lanes),
        )
        .order_by(campaign.c.id.desc())
        .limit(MOST_CAMPAIGNS)
    )
    with db.read() as tx:
        return [_next_stage(tx, CampaignSummary(**summary_fields(row)), most) for row in tx.rows(found)]


def _next_stage(tx: Transaction, found: CampaignSummary, most: int) -> NextStage:
    mine = (
        in_state(State.WAITING),
        message.c.lane == found.lane,
        message.c.priority.in_(PRIORITIES),
        message.c.producer == producer(found.id, found.stage + 1),
    )
    read = select(message.c.id).where(*mine).limit(most + 1).subquery()
    number = int(tx.execute(select(func.count()).select_from(read)).scalar_one())
    begins_at = next_stage_at(stages_left(tx, found, Counter()), tx.now)
    return NextStage(found.lane, found.id, found.name, Count(min(number, most), number <= most), begins_at)
