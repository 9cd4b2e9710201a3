"""Housekeeping of campaigns: starts them at their time, pauses them after too many failures, finishes them."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import select

from harkara.campaigns.error_share import LATEST, pause_reason
from harkara.campaigns.status import CampaignSummary
from harkara.errors import Conflict
from harkara.ledger.campaigns.commands import (
    CANARY,
    begin_next_stage,
    cancel_unsent,
    lock_campaign,
    release_all,
    run_or_schedule,
    set_paused,
    set_state,
)
from harkara.ledger.campaigns.effects import record_effects
from harkara.ledger.campaigns.queries import summary_fields
from harkara.ledger.campaigns.stages import stage_is_over
from harkara.ledger.campaigns.stop_loss import STOP_LOSS, reached_stop_loss
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import DONE, UNSENT, CampaignState, State

_OPEN = [state for state in CampaignState if state not in (CampaignState.LOADING, CampaignState.FINISHED)]


_ANY_OPEN = f"""
SELECT EXISTS (
    SELECT 1 FROM campaign WHERE state IN ({", ".join(f"'{state.value}'" for state in _OPEN)}) AND finished_at IS NULL
) OR EXISTS (
    SELECT 1 FROM campaign WHERE answer_days IS NOT NULL AND effect IS NULL AND started_at IS NOT NULL
) AS opened
"""


def any_open(db: Database) -> bool:
    """Return whether `advance_campaigns` has a campaign to look at. Raises Unavailable."""
    (found,) = db.probe(_ANY_OPEN)
    return bool(found)


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
            if step := _advance(db, found, row):
                done[step] += 1
    if measured := record_effects(db):
        done["measured"] = measured
    return done


def _advance(db: Database, found: CampaignSummary, row: Row) -> str | None:
    """Take the campaign's next step and return its name. The step is found by reads, since mostly there is none."""
    with db.read() as tx:
        in_progress = _in_progress(tx, found.id)
        problem = _problem(tx, found) if found.state is CampaignState.RUNNING else None
        due = found.state is CampaignState.SCHEDULED and found.start_at is not None and found.start_at <= tx.now
    if not in_progress:
        return _finish(db, found.id)
    if due:
        return _start(db, found)
    if problem:
        return _pause(db, found, problem)
    return _next_stage(db, found, row) if found.state is CampaignState.RUNNING else None


class _Problem(NamedTuple):
    """Why a campaign pauses itself."""

    code: str
    reason: str


def _problem(tx: Transaction, found: CampaignSummary) -> _Problem | None:
    if too_many_failed := _pause_reason(tx, found):
        return _Problem("error-share", too_many_failed)
    if reached := reached_stop_loss(tx, found.id):
        return _Problem(STOP_LOSS, f"{reached} Resume it with a higher stop-loss, or cancel it.")
    return None


def _next_stage(db: Database, found: CampaignSummary, row: Row) -> str | None:
    """Begin the next stage, or pause, if the present one is over."""
    with db.read() as tx:
        is_over, reason = stage_is_over(tx, found, row)
    if not is_over:
        return None
    if reason is not None:
        return _pause(db, found, _Problem(CANARY, reason))
    with db.write() as tx:
        if (locked := _lock_unchanged(tx, found)) is None:
            return None
        begin_next_stage(tx, locked)
    return "continued"


def _start(db: Database, found: CampaignSummary) -> str | None:
    with db.write() as tx:
        locked = lock_campaign(tx, found.id, CampaignState.SCHEDULED)
        if locked.start_at != found.start_at:
            return None  # an operator has just chosen another time
        run_or_schedule(tx, locked, locked.start_at)
    return "started"


def _pause(db: Database, found: CampaignSummary, problem: _Problem) -> str | None:
    with db.write() as tx:
        if (locked := _lock_unchanged(tx, found)) is None:
            return None
        set_paused(tx, locked, problem.reason, problem.code)
    return "paused"


def _lock_unchanged(tx: Transaction, found: CampaignSummary) -> CampaignSummary | None:
    """Lock the campaign; None if it was resumed, or its next stage began, since it was read. Raises Conflict."""
    locked = lock_campaign(tx, found.id, CampaignState.RUNNING)
    same = (locked.stage, locked.resumed_at) == (found.stage, found.resumed_at)
    return locked if same else None


def _finish(db: Database, identity: str) -> str:
    with db.write() as tx:
        found = lock_campaign(tx, identity, *_OPEN)
        release_all(tx, found)
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
