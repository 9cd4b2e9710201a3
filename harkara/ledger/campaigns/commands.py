"""What a person decides about a campaign: start, pause, resume, cancel; each at once, however large it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update

from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.halts import hold_producer, release_producer
from harkara.ledger.messages.next_state import CANCELLED_OR_UNCERTAIN, final_columns
from harkara.ledger.messages.trace import change_state
from harkara.ledger.tables import campaign, message
from harkara.states import UNSENT, CampaignState, State

_NEXT_STEP = {
    CampaignState.LOADING: "is still being loaded, or that was interrupted; then cancel it and load it anew",
    CampaignState.READY: "has not been started",
    CampaignState.SCHEDULED: "starts by itself at its time",
    CampaignState.RUNNING: "is running",
    CampaignState.PAUSED: "is paused: resume it",
    CampaignState.CANCELLED: "is cancelled, which is for good",
    CampaignState.FINISHED: "is finished",
}


def find(db: Database, key: str) -> Row:
    """The campaign with this id or name. Raises NotFound."""
    with db.read() as tx:
        found = tx.rows(select(campaign).where(or_(campaign.c.id == key, campaign.c.name == key)))
    if not found:
        raise NotFound("no campaign has this id or name; `harkara campaign list` shows them")
    return min(found, key=lambda row: bool(row["id"] != key))


def start(db: Database, identity: str, at: datetime | None = None) -> None:
    """Lets it go, now or by itself `at` its time. Raises NotFound, Invalid for a time that will not do, Conflict."""
    with db.write() as tx:
        found = locked(tx, identity, CampaignState.READY, CampaignState.SCHEDULED)
        if at is not None and at <= tx.now:
            raise Invalid("at", "has passed already", at.isoformat(timespec="seconds"))
        if at is not None and at >= _deadline(tx, identity):
            raise Invalid("at", "is not before the deadline of its messages", at.isoformat(timespec="seconds"))
        go(tx, found, at)


def pause(db: Database, identity: str, reason: str, code: str = "operator") -> None:
    """Holds back all that no worker has passed through the gates yet. Raises NotFound and Conflict."""
    with db.write() as tx:
        found = locked(tx, identity, CampaignState.RUNNING, CampaignState.SCHEDULED)
        hold_producer(tx, found["lane"], identity, "campaign-paused", f"Campaign {found['name']} is paused: {reason}")
        change(tx, identity, CampaignState.PAUSED, code=code, reason=reason[:1000])


def resume(db: Database, identity: str) -> None:
    """Lets it go on, or wait for its time if that is still to come. Raises NotFound and Conflict."""
    with db.write() as tx:
        found = locked(tx, identity, CampaignState.PAUSED)
        go(tx, found, found["start_at"])


def cancel(db: Database, identity: str, by: str) -> int:
    """Cancels all that has not left yet, for good; returns how many. Nothing leaves from the first moment on.

    What is being sent ends by itself. Whatever comes back from there, and what is left if this process dies, the
    housekeeping cancels. Raises NotFound and Conflict.
    """
    states = (state for state in CampaignState if state not in (CampaignState.CANCELLED, CampaignState.FINISHED))
    with db.write() as tx:
        found = locked(tx, identity, *states)
        reason = f"cancelled by {by}"
        hold_producer(tx, found["lane"], identity, "campaign-cancelled", f"Campaign {found['name']} was {reason}.")
        change(tx, identity, CampaignState.CANCELLED, code="operator", reason=reason)
    withdrawn = 0
    while moved := withdraw(db, identity):
        withdrawn += moved
    return withdrawn


def withdraw(db: Database, identity: str) -> int:
    """Cancels some of what has not left yet, each with its trace; returns how many, 0 when nothing is left.

    An uncertain message stays uncertain, but is not sent once more.
    """
    mine = message.c.campaign_id == identity
    with db.write() as tx:
        unsent = select(message.c.id).where(mine, in_state(*UNSENT))
        moved = change_state(
            tx, CANCELLED_OR_UNCERTAIN, unsent, final_columns("cancelled", "Its campaign was cancelled.")
        )
        again = update(message).where(mine, in_state(State.UNCERTAIN), message.c.resend_at.is_not(None))
        tx.execute(again.values(resend_at=None, changed_at=tx.now))
    return moved


def locked(tx: Transaction, identity: str, *states: CampaignState) -> Row:
    """The campaign, which nobody else changes now. Raises NotFound, and Conflict unless it is in one of `states`."""
    found = tx.rows(select(campaign).where(campaign.c.id == identity).with_for_update())
    if not found:
        raise NotFound("no campaign has this id")
    state = CampaignState(found[0]["state"])
    if state not in states:
        raise Conflict(f"campaign {found[0]['name']} {_NEXT_STEP[state]}")
    return found[0]


def go(tx: Transaction, found: Row, at: datetime | None) -> None:
    """Sets a campaign running, or its start for a time that is still to come."""
    if at is not None and at > tx.now:
        when = at.isoformat(timespec="seconds")
        hold_producer(
            tx, found["lane"], found["id"], "campaign-scheduled", f"Campaign {found['name']} starts {when}.", at
        )
        change(tx, found["id"], CampaignState.SCHEDULED, start_at=at)
        return
    release_producer(tx, found["lane"], found["id"])
    first = {"started_at": found["started_at"] or tx.now, "start_at": at}
    change(tx, found["id"], CampaignState.RUNNING, resumed_at=tx.now, **first)


def change(tx: Transaction, identity: str, state: CampaignState, **values: Any) -> None:
    said = {"code": None, "reason": None} | values
    tx.execute(update(campaign).where(campaign.c.id == identity).values(state=state.value, changed_at=tx.now, **said))


def _deadline(tx: Transaction, identity: str) -> datetime:
    one = select(message.c.expires_at).where(message.c.campaign_id == identity).limit(1)
    deadline: datetime = tx.execute(one).scalar_one()
    return deadline
