"""Housekeeping of campaigns: starts them at their time, pauses them after too many failures, finishes them."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from sqlalchemy import select

from harkara.campaigns.error_share import LATEST, pause_reason
from harkara.campaigns.status import CampaignSummary
from harkara.errors import Conflict
from harkara.ledger.campaigns.commands import cancel_unsent, lock_campaign, pause, run_or_schedule, set_state
from harkara.ledger.campaigns.queries import summary_fields
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.halts import release_producer
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Transaction
from harkara.states import DONE, UNSENT, CampaignState, State

_OPEN = [state for state in CampaignState if state not in (CampaignState.LOADING, CampaignState.FINISHED)]


def advance_campaigns(db: Database) -> Counter[str]:
    """Start, pause and finish the campaigns that are due; return how many of each. Several processes may run it.

    A campaign is finished when none of its messages changes by itself any more. Each is final, or accepted or further,
    or uncertain without a resend to come. Later webhooks and operators do not change the sums. A message that waits
    for an operator ends at its deadline, and the campaign is open until then. A cancelled campaign stays cancelled;
    its `finished_at` is the time when its last message ended.
    """
    done: Counter[str] = Counter()
    with db.read() as tx:
        rows = tx.rows(select(campaign).where(campaign.c.state.in_(_OPEN), campaign.c.finished_at.is_(None)))
    for row in rows:
        found = CampaignSummary(**summary_fields(row))
        if found.state is CampaignState.CANCELLED:
            cancel_unsent(db, found.id)
        with suppress(Conflict):  # an operator changed the state meanwhile
            if step := _advance(db, found):
                done[step] += 1
    return done


def _advance(db: Database, found: CampaignSummary) -> str | None:
    """Take the campaign's next step and return its name. The step is found by reads, since mostly there is none."""
    with db.read() as tx:
        in_progress = _in_progress(tx, found.id)
        too_many_failed = _pause_reason(tx, found) if found.state is CampaignState.RUNNING else None
        due = found.state is CampaignState.SCHEDULED and found.start_at is not None and found.start_at <= tx.now
    if not in_progress:
        return _finish(db, found.id)
    if due:
        with db.write() as tx:
            run_or_schedule(tx, lock_campaign(tx, found.id, CampaignState.SCHEDULED), found.start_at)
        return "started"
    if too_many_failed:
        pause(db, found.id, too_many_failed, code="error-share")
        return "paused"
    return None


def _finish(db: Database, identity: str) -> str:
    with db.write() as tx:
        found = lock_campaign(tx, identity, *_OPEN)
        release_producer(tx, found.lane, identity)
        if found.state is CampaignState.CANCELLED:
            set_state(tx, identity, found.state, finished_at=tx.now, code=found.code, reason=found.reason)
        else:
            set_state(tx, identity, CampaignState.FINISHED, finished_at=tx.now)
    return "finished"


def _in_progress(tx: Transaction, identity: str) -> bool:
    """Whether a message of the campaign still changes by itself."""
    own = message.c.campaign_id == identity
    to_be_resent = (in_state(State.UNCERTAIN), message.c.resend_at.is_not(None), message.c.expires_at > tx.now)
    queries = (
        select(message.c.id).where(own, in_state(*UNSENT, State.SENDING)),
        select(message.c.id).where(own, *to_be_resent),
    )
    return any(tx.execute(query.limit(1)).first() for query in queries)


def _pause_reason(tx: Transaction, found: CampaignSummary) -> str | None:
    """Why the campaign must pause, by the outcomes since it last started or resumed."""
    latest = (
        select(message.c.state, message.c.code)
        .where(
            message.c.campaign_id == found.id,
            message.c.posted_at > found.resumed_at,
            in_state(*DONE - {State.CANCELLED}),
        )
        .order_by(message.c.posted_at.desc())
        .limit(LATEST)
    )
    outcomes = [(row.code or "unknown") if row.state == State.FAILED else None for row in tx.execute(latest)]
    return pause_reason(outcomes[::-1], found.error_share)
