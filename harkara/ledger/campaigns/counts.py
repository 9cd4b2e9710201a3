"""Counts the messages of campaigns. A page shows the stored counts of a large one, which workers renew."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, not_, or_, select, update

from harkara.campaigns.counts import LARGEST_COUNTED, CampaignCounts, CampaignFailures, pause_after_count
from harkara.campaigns.results import TO_SEND
from harkara.ledger.campaigns.deleted_messages import DeletedMessages, DeletedRecipients, load_deleted
from harkara.ledger.campaigns.effects import effect_of
from harkara.ledger.campaigns.queries import STATES_WITH_CODE
from harkara.ledger.campaigns.responses import count_responses
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.messages.erased_number import COUNTRY
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Row, Transaction
from harkara.masking import mask_numbers
from harkara.states import CampaignState, State

MOST_CODES = 20

RANGES = 100
"""Campaigns of an earlier release that get their ids in one round."""


def counts_of(tx: Transaction, row: Row, *, largest: int = LARGEST_COUNTED) -> tuple[CampaignCounts, bool]:
    """Return the counts of a campaign, given with all its columns, and whether they are of now.

    Those of a campaign with more than `largest` messages are the stored ones, unless no worker has counted it.
    """
    if row["audience"] > largest and row["counts"] is not None:
        return CampaignCounts.load(row["counts"]), False
    return count_campaign(tx, row), True


def count_campaign(tx: Transaction, row: Row) -> CampaignCounts:
    """Count the messages of a campaign, which takes a time that grows with it."""
    identity = row["id"]
    results, recipients = load_deleted(row["deleted_results"]), DeletedRecipients.load(row["deleted_recipients"])
    answered, opted_out = count_responses(tx, identity)
    return CampaignCounts(
        by_state=_by_state(tx, identity, results),
        failures=_failures(tx, identity, results),
        to_send=_to_send(tx, identity) if row["stage"] < row["stages"] else {},
        countries=_countries(tx, identity, results, recipients),
        answered=answered + recipients.answered,
        opted_out=opted_out + recipients.opted_out,
        effect=effect_of(tx, row),
    )


def renew_counts(db: Database, *, seconds: float, largest: int = LARGEST_COUNTED) -> int:
    """Count the large campaigns whose count is due, for so many seconds; return how many. Raises Unavailable."""
    end, number = time.monotonic() + seconds, 0
    for identity in due_campaigns(db, largest=largest):
        _renew(db, identity)
        number += 1
        if time.monotonic() > end:
            break
    return number


def fill_ranges(db: Database) -> int:
    """Write the first and the last id of the campaigns that an earlier release has loaded; return their number."""
    number = 0
    for identity in unranged_campaigns(db):
        # The ids on their own: PostgreSQL may look for the first one in the order of all messages.
        ids = select(message.c.id).where(message.c.campaign_id == identity).cte("ids").prefix_with("MATERIALIZED")
        with db.read() as tx:
            first, last = tx.execute(select(func.min(ids.c.id), func.max(ids.c.id))).one()
        with db.write() as tx:
            values = {"first_id": first or "", "last_id": last or ""}  # the history has deleted all of them
            tx.execute(update(campaign).where(campaign.c.id == identity).values(**values))
        number += 1
    return number


def unranged_campaigns(db: Database) -> list[str]:
    """Return the campaigns whose first and last id are not known, at most RANGES. Raises Unavailable."""
    unknown = (campaign.c.first_id.is_(None), campaign.c.state != CampaignState.LOADING)
    with db.read() as tx:
        return list(tx.execute(select(campaign.c.id).where(*unknown).limit(RANGES)).scalars())


def due_campaigns(db: Database, *, largest: int = LARGEST_COUNTED) -> list[str]:
    """Return the large campaigns whose count is due, those without a count first. Raises Unavailable."""
    with db.read() as tx:
        is_due = or_(
            campaign.c.count_due_at.is_(None),
            campaign.c.count_due_at <= tx.now,
            campaign.c.changed_at > campaign.c.counted_at,
        )
        is_large = (campaign.c.audience > largest, campaign.c.state != CampaignState.LOADING)
        query = select(campaign.c.id).where(*is_large, is_due)
        return list(tx.execute(query.order_by(campaign.c.count_due_at.is_not(None), campaign.c.count_due_at)).scalars())


def _renew(db: Database, identity: str) -> None:
    start = time.monotonic()
    with db.read(snapshot=True) as tx:
        row, counted_at = tx.rows(select(campaign).where(campaign.c.id == identity))[0], tx.now
        counts = count_campaign(tx, row)
    took = timedelta(seconds=time.monotonic() - start)
    pause = pause_after_count(CampaignState(row["state"]), counted_at - row["changed_at"], took)
    masked = [replace(each, reason=each.reason and mask_numbers(each.reason)) for each in counts.failures]
    values = {"counts": replace(counts, failures=masked).dump(), "counted_at": counted_at}
    with db.write() as tx:
        due = values | {"count_due_at": tx.now + pause}
        tx.execute(update(campaign).where(campaign.c.id == identity).values(**due))


def _by_state(tx: Transaction, identity: str, deleted: Sequence[DeletedMessages]) -> Counter[State]:
    query = select(message.c.state, func.count()).where(message.c.campaign_id == identity).group_by(message.c.state)
    found = Counter({State(state): number for state, number in tx.execute(query)})
    for each in deleted:
        found[each.state] += each.number
    return found


def _to_send(tx: Transaction, identity: str) -> Counter[str]:
    mine = (message.c.campaign_id == identity, in_state(*sorted(TO_SEND)))
    query = select(message.c.producer, func.count()).where(*mine).group_by(message.c.producer)
    return Counter({producer: number for producer, number in tx.execute(query)})


def _countries(
    tx: Transaction, identity: str, results: Sequence[DeletedMessages], recipients: DeletedRecipients
) -> Counter[str]:
    country = func.coalesce(COUNTRY, "").label("country")
    mine = (message.c.campaign_id == identity, not_(in_state(State.CANCELLED)))
    query = select(country, func.count()).where(*mine).group_by(country)
    numbers = Counter({code: number for code, number in tx.execute(query)}) + recipients.countries
    not_cancelled = sum(each.number for each in results if each.state is not State.CANCELLED)
    numbers[""] += not_cancelled - recipients.countries.total()
    return numbers


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
