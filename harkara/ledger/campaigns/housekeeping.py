"""Housekeeping of campaigns: each starts at its time, pauses when too many fail, and finishes."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

from sqlalchemy import select

from harkara.campaigns.guard import should_pause
from harkara.errors import Conflict
from harkara.ledger.campaigns.commands import change, go, locked, pause, withdraw
from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.halts import release_producer
from harkara.ledger.tables import campaign, message
from harkara.states import DONE, UNSENT, CampaignState, State

LATEST = 100
"""Decided messages by which a campaign is judged."""

_LIVE = [state for state in CampaignState if state not in (CampaignState.LOADING, CampaignState.FINISHED)]


def keep(db: Database) -> Counter[str]:
    """One round; returns how many campaigns were started, paused and finished. Safe to run anywhere, twice.

    A campaign is finished when none of its messages moves by itself any more: each is final, or accepted or further, or
    uncertain without a resend that is still to come. What webhooks or a person make of these later changes no sum. One
    that is parked for a person's decision moves at its deadline at the latest, and the campaign is open until then.
    A cancelled campaign stays cancelled; `finished_at` is when the last of its messages came to rest.
    """
    done: Counter[str] = Counter()
    with db.read() as tx:
        live = tx.rows(select(campaign).where(campaign.c.state.in_(_LIVE), campaign.c.finished_at.is_(None)))
    for found in live:
        if found["state"] == CampaignState.CANCELLED:
            withdraw(db, found["id"])
        with suppress(Conflict):  # somebody decided otherwise meanwhile
            if step := _tend(db, found):
                done[step] += 1
    return done


def _tend(db: Database, found: Row) -> str | None:
    """Does what is due for one campaign, and says what it was. It looks first, since mostly nothing is."""
    with db.read() as tx:
        moves = _moves(tx, found["id"])
        too_many = _too_many_failed(tx, found) if found["state"] == CampaignState.RUNNING else None
        due = found["state"] == CampaignState.SCHEDULED and found["start_at"] <= tx.now
    if not moves:
        return _finish(db, found["id"])
    if due:
        with db.write() as tx:
            go(tx, locked(tx, found["id"], CampaignState.SCHEDULED), found["start_at"])
        return "started"
    if too_many:
        pause(db, found["id"], too_many, code="error-share")
        return "paused"
    return None


def _finish(db: Database, identity: str) -> str:
    with db.write() as tx:
        found = locked(tx, identity, *_LIVE)
        release_producer(tx, found["lane"], identity)
        if found["state"] != CampaignState.CANCELLED:
            found |= {"state": CampaignState.FINISHED, "code": None, "reason": None}
        said = {name: found[name] for name in ("code", "reason")}
        change(tx, identity, CampaignState(found["state"]), finished_at=tx.now, **said)
    return "finished"


def _moves(tx: Transaction, identity: str) -> bool:
    """Whether one of its messages still moves by itself."""
    mine = message.c.campaign_id == identity
    resent = (in_state(State.UNCERTAIN), message.c.resend_at.is_not(None), message.c.expires_at > tx.now)
    looks = (
        select(message.c.id).where(mine, in_state(*UNSENT, State.SENDING)),
        select(message.c.id).where(mine, *resent),
    )
    return any(tx.execute(look.limit(1)).first() for look in looks)


def _too_many_failed(tx: Transaction, found: Row) -> str | None:
    """Why it must pause, by what was decided since it was last resumed."""
    latest = (
        select(message.c.state, message.c.code)
        .where(
            message.c.campaign_id == found["id"],
            message.c.posted_at > found["resumed_at"],
            in_state(*DONE - {State.CANCELLED}),
        )
        .order_by(message.c.posted_at.desc())
        .limit(LATEST)
    )
    outcomes = [(row.code or "unknown") if row.state == State.FAILED else None for row in tx.execute(latest)]
    return should_pause(outcomes[::-1], found["error_share"], LATEST)
