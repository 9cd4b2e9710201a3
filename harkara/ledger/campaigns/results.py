"""Reads the results of campaigns: those of a large one with the counts that a worker has stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select

from harkara.campaigns.counts import LARGEST_COUNTED, CampaignCounts
from harkara.campaigns.results import PACE_OVER, TO_SEND, CampaignResults
from harkara.campaigns.stage_rehearsal import StagesLeft
from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import stage_of
from harkara.errors import NotFound
from harkara.ledger.campaigns.counts import counts_of
from harkara.ledger.campaigns.queries import stages_left, summary_fields
from harkara.ledger.charges.spend_sums import campaign_spend
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Transaction

MOST_POSTED = 100_000
"""POSTs that are counted for the pace: more than any allowance permits in its minutes."""


def get_results(
    db: Database, identity: str, *, lanes: Collection[str] | None = None, largest: int = LARGEST_COUNTED
) -> CampaignResults:
    """Return the results of the campaign with this id, in one of `lanes` or in any lane.

    Of a campaign with more than `largest` messages, the counts are the stored ones. Raises NotFound.
    """
    wanted = select(campaign).where(campaign.c.id == identity)
    with db.read(snapshot=True) as tx:
        rows = tx.rows(wanted if lanes is None else wanted.where(campaign.c.lane.in_(lanes)))
        if not rows:
            raise NotFound("no campaign has this id")
        summary = CampaignSummary(**summary_fields(rows[0]))
        counts, is_of_now = counts_of(tx, rows[0], largest=largest)
        return CampaignResults(
            summary,
            tx.now,
            counts,
            _posted(tx, identity, tx.now - PACE_OVER),
            campaign_costs(tx, identity),
            _stages(tx, summary, counts),
            rows[0]["deleted"],
            None if is_of_now else rows[0]["counted_at"],
        )


def count_left(db: Database, identities: Collection[str]) -> Mapping[str, int]:
    """Return how many messages of each of these campaigns are still to be sent."""
    if not identities:
        return {}
    mine = (message.c.campaign_id.in_(identities), in_state(*sorted(TO_SEND)))
    query = select(message.c.campaign_id, func.count()).where(*mine).group_by(message.c.campaign_id)
    with db.read() as tx:
        found = {identity: number for identity, number in tx.execute(query)}
    return {identity: found.get(identity, 0) for identity in identities}


def _stages(tx: Transaction, found: CampaignSummary, counts: CampaignCounts) -> StagesLeft:
    """Return how many messages each stage has still to send. Those of earlier stages are sent with the present one."""
    if found.stage >= found.stages:
        return StagesLeft(Counter({1: sum(counts.by_state.get(state, 0) for state in TO_SEND)}))
    messages = Counter[int]()
    for producer, number in counts.to_send.items():
        messages[max(stage_of(producer), found.stage)] += number
    return stages_left(tx, found, messages)


def _posted(tx: Transaction, identity: str, since: datetime) -> int:
    mine = select(message.c.id).where(message.c.campaign_id == identity, message.c.posted_at > since)
    return int(tx.execute(select(func.count()).select_from(mine.limit(MOST_POSTED).subquery())).scalar_one())


def campaign_costs(tx: Transaction, identity: str) -> Mapping[str, int]:
    """Return what the campaign has cost, in micros by currency."""
    rows = campaign_spend(tx, identity)
    query = select(rows.c.currency, cast(func.sum(rows.c.amount), BigInteger)).group_by(rows.c.currency)
    return {currency: int(amount) for currency, amount in tx.execute(query)}
