"""Commands on a campaign: start, pause, resume, cancel. Each takes effect at once, at any audience size."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from harkara.campaigns.status import CampaignSummary
from harkara.campaigns.steps import producer
from harkara.errors import Conflict, Invalid, NotFound
from harkara.json_record import iso_seconds
from harkara.ledger.campaigns.queries import summary_fields
from harkara.ledger.campaigns.stop_loss import reached_stop_loss, set_stop_loss
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.halts import hold_producer, release_producer
from harkara.ledger.lock_order import lock_messages
from harkara.ledger.messages.next_state import CANCELLED_OR_UNCERTAIN, final_columns
from harkara.ledger.messages.trace import change_state
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.money.amounts import show
from harkara.states import UNSENT, CampaignState, State

CANARY = "canary"
"""The code of a campaign that paused after its canary."""

_STATE_SENTENCES = {
    CampaignState.LOADING: "is being loaded, or its load was interrupted: then cancel it and load it again",
    CampaignState.READY: "has not been started",
    CampaignState.SCHEDULED: "is scheduled and starts by itself",
    CampaignState.RUNNING: "is running",
    CampaignState.PAUSED: "is paused: resume it",
    CampaignState.CANCELLED: "is cancelled, which is final",
    CampaignState.FINISHED: "is finished",
}
"""Why a command is refused, by the state of the campaign, with the next step where there is one."""


def start(db: Database, identity: str, at: datetime | None = None, *, actor: Actor | None = None) -> None:
    """Start the campaign now, or schedule its start `at` a later time. This is an act of `actor`.

    Raises NotFound, Conflict for another state than ready or scheduled, and Invalid for a time that has passed or is
    not before the deadline of the messages.
    """
    with db.write() as tx:
        found = lock_campaign(tx, identity, CampaignState.READY, CampaignState.SCHEDULED)
        if at is not None and at <= tx.now:
            raise Invalid("at", "has passed already", iso_seconds(at))
        if at is not None and at >= _deadline(tx, identity):
            raise Invalid("at", "is not before the deadline of its messages", iso_seconds(at))
        run_or_schedule(tx, found, at)
        _record(tx, actor, "started" if at is None else "scheduled", found, iso_seconds(at) if at else None)


def pause(db: Database, identity: str, reason: str, *, actor: Actor | None = None) -> None:
    """Hold back every message that has not passed the gates: an act of `actor`. Raises NotFound and Conflict."""
    with db.write() as tx:
        found = lock_campaign(tx, identity, CampaignState.RUNNING, CampaignState.SCHEDULED)
        set_paused(tx, found, reason, "operator")
        _record(tx, actor, "paused", found)


def resume(
    db: Database, identity: str, *, stop_loss: tuple[int, str] | None = None, actor: Actor | None = None
) -> None:
    """Run the campaign again, or schedule it again if its start is still to come: an act of `actor`.

    `stop_loss` is a new one, in micros of a currency. A campaign that paused after its canary goes on with the rest.
    Raises NotFound, and Conflict also for a campaign whose stop-loss is still reached.
    """
    with db.write() as tx:
        found = lock_campaign(tx, identity, CampaignState.PAUSED)
        if stop_loss is not None:
            set_stop_loss(tx, identity, *stop_loss)
        if reached := reached_stop_loss(tx, identity):
            raise Conflict(f"{reached} Give it a higher stop-loss to resume it.")
        run_or_schedule(tx, found, found.start_at)
        if found.code == CANARY and found.stage < found.stages:
            begin_next_stage(tx, found)
        limit = None if stop_loss is None else f"stop-loss {show(stop_loss[0])} {stop_loss[1]}"
        _record(tx, actor, "resumed", found, limit)


def cancel(db: Database, identity: str, by: str, *, actor: Actor | None = None) -> int:
    """Cancel every unsent message and return their number. From the first transaction on, none passes the gates.

    A message that is being sent ends on its own. If it returns to `waiting`, or if this process dies, the housekeeping
    cancels the rest. This is an act of `actor`. Raises NotFound and Conflict.
    """
    states = (state for state in CampaignState if state not in (CampaignState.CANCELLED, CampaignState.FINISHED))
    with db.write() as tx:
        found = lock_campaign(tx, identity, *states)
        reason = f"cancelled by {by}"
        _hold(tx, found, "campaign-cancelled", f"Campaign {found.name} was {reason}.")
        set_state(tx, identity, CampaignState.CANCELLED, code="operator", reason=reason)
        unsent = select(func.count()).where(message.c.campaign_id == identity, in_state(*UNSENT))
        _record(tx, actor, "cancelled", found, number=int(tx.execute(unsent).scalar_one()) if actor else None)
    cancelled = 0
    while batch := cancel_unsent(db, identity):
        cancelled += batch
    return cancelled


def cancel_unsent(db: Database, identity: str) -> int:
    """Cancel one batch of the unsent messages, each with its trace. Return its size, 0 when none is left.

    An uncertain message stays uncertain, and its resend is taken back.
    """
    own = message.c.campaign_id == identity
    with db.write() as tx:
        unsent = select(message.c.id).where(own, in_state(*UNSENT))
        columns = final_columns("cancelled", "Its campaign was cancelled.")
        cancelled = change_state(tx, CANCELLED_OR_UNCERTAIN, unsent, columns)
        resends = (own, in_state(State.UNCERTAIN), message.c.resend_at.is_not(None))
        lock_messages(tx, *resends)
        tx.execute(update(message).where(*resends).values(resend_at=None, changed_at=tx.now))
    return cancelled


def lock_campaign(tx: Transaction, identity: str, *states: CampaignState) -> CampaignSummary:
    """Lock the campaign's row until the transaction ends. Raises NotFound, and Conflict in another state."""
    rows = tx.rows(select(campaign).where(campaign.c.id == identity).with_for_update())
    if not rows:
        raise NotFound("no campaign has this id")
    found = CampaignSummary(**summary_fields(rows[0]))
    if found.state not in states:
        raise Conflict(f"campaign {found.name} {_STATE_SENTENCES[found.state]}")
    return found


def run_or_schedule(tx: Transaction, found: CampaignSummary, at: datetime | None) -> None:
    """Set the campaign running, or scheduled if `at` is in the future."""
    if at is not None and at > tx.now:
        reason = f"Campaign {found.name} starts {iso_seconds(at)}."
        _hold(tx, found, "campaign-scheduled", reason, at)
        set_state(tx, found.id, CampaignState.SCHEDULED, start_at=at)
        return
    for stage in range(1, found.stage + 1):
        release_producer(tx, found.lane, producer(found.id, stage))
    times = {"resumed_at": tx.now, "started_at": found.started_at or tx.now, "start_at": at}
    set_state(tx, found.id, CampaignState.RUNNING, **times if found.started_at else times | {"stage_at": tx.now})


def begin_next_stage(tx: Transaction, found: CampaignSummary) -> None:
    """Begin the next stage of a campaign that is locked and running."""
    release_producer(tx, found.lane, producer(found.id, found.stage + 1))
    stage = {"stage": found.stage + 1, "stage_at": tx.now, "changed_at": tx.now}
    tx.execute(update(campaign).where(campaign.c.id == found.id).values(**stage))


def set_paused(tx: Transaction, found: CampaignSummary, reason: str, code: str) -> None:
    """Pause a campaign that is locked."""
    _hold(tx, found, "campaign-paused", f"Campaign {found.name} is paused: {reason}")
    set_state(tx, found.id, CampaignState.PAUSED, code=code, reason=reason[:1000])


def release_all(tx: Transaction, found: CampaignSummary) -> None:
    """End the halts of all stages of a campaign that is over."""
    for stage in range(1, found.stages + 1):
        release_producer(tx, found.lane, producer(found.id, stage))


def _hold(tx: Transaction, found: CampaignSummary, code: str, reason: str, until: datetime | None = None) -> None:
    """Hold the stages that have begun; the others are held until they begin."""
    for stage in range(1, found.stage + 1):
        hold_producer(tx, found.lane, producer(found.id, stage), code, reason, until)


def set_state(tx: Transaction, identity: str, state: CampaignState, **values: Any) -> None:
    """Write the state and `values`. Without `code` and `reason` in them, both become NULL."""
    columns = {"code": None, "reason": None} | values
    tx.execute(
        update(campaign).where(campaign.c.id == identity).values(state=state.value, changed_at=tx.now, **columns)
    )


def _record(
    tx: Transaction,
    actor: Actor | None,
    kind: str,
    found: CampaignSummary,
    detail: str | None = None,
    *,
    number: int | None = None,
) -> None:
    if actor is not None:
        record_act(tx, actor, f"campaign.{kind}", found.name, filter=detail, number=number)


def _deadline(tx: Transaction, identity: str) -> datetime:
    first = select(message.c.expires_at).where(message.c.campaign_id == identity).limit(1)
    deadline: datetime = tx.execute(first).scalar_one()
    return deadline
