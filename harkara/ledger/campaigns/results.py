"""Reads the results of campaigns, each in a time that grows with the campaign alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select

from harkara.campaigns.results import PACE_OVER, TO_SEND, CampaignFailures, CampaignResults
from harkara.campaigns.stage_rehearsal import StagesLeft
from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import stage_of
from harkara.errors import NotFound
from harkara.ledger.campaigns.deleted_messages import DeletedMessages, load_deleted
from harkara.ledger.campaigns.queries import STATES_WITH_CODE, stages_left, summary_fields
from harkara.ledger.charges.spend_sums import campaign_spend
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Transaction
from harkara.states import State

MOST_POSTED = 100_000
"""POSTs that are counted for the pace: more than any allowance permits in its minutes."""

MOST_CODES = 20


def get_results(db: Database, identity: str, *, lanes: Collection[str] | None = None) -> CampaignResults:
    """Return the results of the campaign with this id, in one of `lanes` or in any lane. Raises NotFound."""
    wanted = select(campaign).where(campaign.c.id == identity)
    with db.read(snapshot=True) as tx:
        rows = tx.rows(wanted if lanes is None else wanted.where(campaign.c.lane.in_(lanes)))
        if not rows:
            raise NotFound("no campaign has this id")
        summary = CampaignSummary(**summary_fields(rows[0]))
        deleted = load_deleted(rows[0]["deleted_results"])
        by_state = _by_state(tx, identity, deleted)
        return CampaignResults(
            summary,
            tx.now,
            by_state,
            _failures(tx, identity, deleted),
            _posted(tx, identity, tx.now - PACE_OVER),
            campaign_costs(tx, identity),
            _stages(tx, summary, sum(by_state.get(state, 0) for state in TO_SEND)),
            rows[0]["deleted"],
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


def _by_state(tx: Transaction, identity: str, deleted: Sequence[DeletedMessages]) -> Mapping[State, int]:
    query = select(message.c.state, func.count()).where(message.c.campaign_id == identity).group_by(message.c.state)
    found = Counter({State(state): number for state, number in tx.execute(query)})
    for each in deleted:
        found[each.state] += each.number
    return found


def _stages(tx: Transaction, found: CampaignSummary, left: int) -> StagesLeft:
    """Return how many messages each stage has still to send. Those of earlier stages are sent with the present one."""
    if found.stage >= found.stages:
        return StagesLeft(Counter({1: left}))
    mine = (message.c.campaign_id == found.id, in_state(*sorted(TO_SEND)))
    query = select(message.c.producer, func.count()).where(*mine).group_by(message.c.producer)
    messages = Counter[int]()
    for producer, number in tx.execute(query):
        messages[max(stage_of(producer), found.stage)] += number
    return stages_left(tx, found, messages)


def _failures(tx: Transaction, identity: str, deleted: Sequence[DeletedMessages]) -> Sequence[CampaignFailures]:
    """Return the most frequent failures, with those of deleted messages."""
    number = func.count().label("number")
    code = func.coalesce(message.c.code, "unknown").label("code")
    mine = (message.c.campaign_id == identity, in_state(*STATES_WITH_CODE))
    query = select(message.c.state, code, number, func.min(message.c.reason)).where(*mine)
    grouped = query.group_by(message.c.state, code).order_by(number.desc(), code).limit(MOST_CODES)
    return _with_deleted([CampaignFailures(State(state), *rest) for state, *rest in tx.execute(grouped)], deleted)


def _with_deleted(found: Sequence[CampaignFailures], deleted: Sequence[DeletedMessages]) -> Sequence[CampaignFailures]:
    sums = {(each.state, each.code): each for each in found}
    for each in deleted:
        if each.state in STATES_WITH_CODE:
            key = each.state, each.code or "unknown"
            known = sums.get(key) or CampaignFailures(*key, 0, each.reason)
            sums[key] = replace(known, number=known.number + each.number)
    return sorted(sums.values(), key=lambda each: (-each.number, each.code))[:MOST_CODES]


def _posted(tx: Transaction, identity: str, since: datetime) -> int:
    mine = select(message.c.id).where(message.c.campaign_id == identity, message.c.posted_at > since)
    return int(tx.execute(select(func.count()).select_from(mine.limit(MOST_POSTED).subquery())).scalar_one())


def campaign_costs(tx: Transaction, identity: str) -> Mapping[str, int]:
    """Return what the campaign has cost, in micros by currency."""
    rows = campaign_spend(tx, identity)
    query = select(rows.c.currency, cast(func.sum(rows.c.amount), BigInteger)).group_by(rows.c.currency)
    return {currency: int(amount) for currency, amount in tx.execute(query)}
