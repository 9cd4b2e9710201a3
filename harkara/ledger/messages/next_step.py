"""What happens to a message next, and when; and what an operator can do if it does not continue by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from harkara.json_record import iso_seconds
from harkara.ledger.halts import Halt, active_halts
from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Row, Transaction
from harkara.states import CampaignState, State


class NextStep(NamedTuple):
    """One sentence, and the time if it is known; both None if nothing more happens."""

    sentence: str | None = None
    at: datetime | None = None


def next_step(tx: Transaction, row: Row, lanes: Collection[str] | None = None) -> NextStep:
    """Return the next step of a message. `lanes` are those that this deployment sends for, None if not known."""
    identity = row["id"]
    match row["state"]:
        case State.WAITING:
            return _waiting(tx, row, lanes)
        case State.QUEUED | State.CLAIMED | State.SENDING:
            return NextStep("It is being sent; ask again in a few seconds.")
        case State.UNCERTAIN:
            command = f"`harkara resolve {identity}` with --sent, --resend or --drop"
            return NextStep(f"Ask the recipient whether it arrived, then run {command}.", row["resend_at"])
        case State.FAILED:
            return NextStep(
                f"Correct what the reason names, then send a new message, or the same with `harkara resend {identity}`."
            )
        case _:
            return NextStep()


def _waiting(tx: Transaction, row: Row, lanes: Collection[str] | None) -> NextStep:
    identity, lane = row["id"], row["lane"]
    if held := _held(tx, row):
        return held
    if lanes is not None and lane not in lanes:
        return NextStep(f"Lane {lane} has no token: add it to HARKARA_LANE_TOKENS, and the message is sent.")
    if row["due_at"] >= row["expires_at"]:
        return NextStep(f"It waits for your decision: run `harkara resolve {identity}` with --resend or --drop.")
    if row["due_at"] <= tx.now:
        return NextStep(f"It is due, and sent when its turn in the lane comes; `harkara cancel {identity}` cancels it.")
    return NextStep(f"It is sent when it is due; `harkara cancel {identity}` cancels it.", row["due_at"])


def _held(tx: Transaction, row: Row) -> NextStep | None:
    """Return the step of a message that its lane, its template or its campaign holds back."""
    subjects = {"lane": "", "template": row["template"]}
    for halt in sorted(active_halts(tx), key=lambda each: each.scope):
        if halt.lane == row["lane"] and not halt.probing and subjects.get(halt.scope) == halt.subject:
            return _halted(tx, halt)
    return _campaign(tx, row["campaign_id"]) if row["campaign_id"] else None


def _halted(tx: Transaction, halt: Halt) -> NextStep:
    what = f"Template {halt.subject}" if halt.scope == "template" else f"Lane {halt.lane}"
    until = halt.until(tx.now)
    state = f"paused until {iso_seconds(until)}" if until else "parked"
    return NextStep(f"{what} is {state}: {halt.reason} Run `harkara lanes unpark {halt.lane}` to continue.", until)


def _campaign(tx: Transaction, identity: str) -> NextStep | None:
    columns = (campaign.c.state, campaign.c.reason, campaign.c.start_at)
    state, reason, start_at = tx.execute(select(*columns).where(campaign.c.id == identity)).one()
    match state:
        case CampaignState.READY:
            return NextStep(f"Run `harkara campaign start {identity}` to send it.")
        case CampaignState.SCHEDULED:
            return NextStep(f"Its campaign starts {iso_seconds(start_at)}.", start_at)
        case CampaignState.PAUSED:
            command = f"`harkara campaign resume {identity}`"
            return NextStep(f"Its campaign is paused: {reason} Run {command} to continue.")
        case CampaignState.LOADING:
            command = f"`harkara campaign cancel {identity}`"
            return NextStep(f"Its campaign is being loaded; if the load was interrupted, run {command}.")
        case _:
            return None
