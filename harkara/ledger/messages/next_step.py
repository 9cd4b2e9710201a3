"""What happens to a message next, and when; and what an operator can do if it does not continue by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from harkara.json_record import iso_seconds
from harkara.ledger.halts import STAGE, Halt, active_halts
from harkara.ledger.tables import campaign
from harkara.ledger.transaction import Row, Transaction
from harkara.states import CampaignState, State


class NextStep(NamedTuple):
    """One sentence, and the time if it is known; both None if nothing more happens.

    `plain` is the sentence for people who use the console: it names no command.
    """

    sentence: str | None = None
    at: datetime | None = None
    plain: str | None = None


PLAIN = {
    "sending": "It is being sent right now.",
    "uncertain": "Ask the recipient whether it arrived, then decide.",
    "resend": "Ask the recipient whether it arrived, then decide. Otherwise Harkara decides from this time on:",
    "failed": "Correct what the reason names, then send it once more.",
    "decision": "It waits for a decision: send it once more, or do not send it again.",
    "due": "It is due, and goes when its turn in the lane comes.",
    "later": "It goes when it is due:",
    "token": "Its lane has no token, so it cannot be sent. Ask the engineer on call.",
    "under way": "It is with WhatsApp. This page shows when it has reached the phone, and when it is read.",
    "ready": "It goes when its campaign is started.",
    "scheduled": "Its campaign starts by itself:",
    "loading": "Its campaign is being loaded.",
}
"""The sentences for people, which the console translates. A time follows a colon."""


def next_step(tx: Transaction, row: Row, lanes: Collection[str] | None = None) -> NextStep:
    """Return the next step of a message. `lanes` are those that this deployment sends for, None if not known."""
    identity = row["id"]
    match row["state"]:
        case State.WAITING:
            return _waiting(tx, row, lanes)
        case State.QUEUED | State.CLAIMED | State.SENDING:
            return NextStep("It is being sent; ask again in a few seconds.", plain=PLAIN["sending"])
        case State.UNCERTAIN:
            command = f"`harkara resolve {identity}` with --sent, --resend or --drop"
            plain = PLAIN["resend" if row["resend_at"] else "uncertain"]
            return NextStep(f"Ask the recipient whether it arrived, then run {command}.", row["resend_at"], plain)
        case State.FAILED:
            command = f"`harkara resend {identity}`"
            sentence = f"Correct what the reason names, then send a new message, or the same with {command}."
            return NextStep(sentence, plain=PLAIN["failed"])
        case State.ACCEPTED | State.SENT:
            return NextStep(plain=PLAIN["under way"])
        case _:
            return NextStep()


def _waiting(tx: Transaction, row: Row, lanes: Collection[str] | None) -> NextStep:
    identity, lane, due = row["id"], row["lane"], row["due_at"]
    if held := _held(tx, row):
        return held
    if lanes is not None and lane not in lanes:
        sentence = f"Lane {lane} has no token: add it to HARKARA_LANE_TOKENS, and the message is sent."
        return NextStep(sentence, plain=PLAIN["token"])
    if due >= row["expires_at"]:
        command = f"`harkara resolve {identity}` with --resend or --drop"
        return NextStep(f"It waits for your decision: run {command}.", plain=PLAIN["decision"])
    cancel = f"`harkara cancel {identity}` cancels it."
    if due <= tx.now:
        return NextStep(f"It is due, and sent when its turn in the lane comes; {cancel}", plain=PLAIN["due"])
    return NextStep(f"It is sent when it is due; {cancel}", due, PLAIN["later"])


def _held(tx: Transaction, row: Row) -> NextStep | None:
    """Return the step of a message that its lane, its template or its campaign holds back."""
    subjects = {"lane": "", "template": row["template"]}
    halts = sorted(active_halts(tx), key=lambda each: each.scope)
    for halt in halts:
        if halt.lane == row["lane"] and not halt.probing and subjects.get(halt.scope) == halt.subject:
            return _halted(tx, halt)
    if not row["campaign_id"]:
        return None
    stage = next((each for each in halts if each.code == STAGE and each.subject == row["producer"]), None)
    return _campaign(tx, row["campaign_id"]) or (NextStep(stage.reason) if stage else None)


def _halted(tx: Transaction, halt: Halt) -> NextStep:
    what = f"Template {halt.subject}" if halt.scope == "template" else f"Lane {halt.lane}"
    until = halt.until(tx.now)
    state = f"paused until {iso_seconds(until)}" if until else "parked"
    command = f"Run `harkara lanes unpark {halt.lane}` to continue."
    return NextStep(f"{what} is {state}: {halt.reason} {command}", until, f"{what} is {state}: {halt.reason}")


def _campaign(tx: Transaction, identity: str) -> NextStep | None:
    columns = (campaign.c.state, campaign.c.reason, campaign.c.start_at)
    state, reason, start_at = tx.execute(select(*columns).where(campaign.c.id == identity)).one()
    match state:
        case CampaignState.READY:
            return NextStep(f"Run `harkara campaign start {identity}` to send it.", plain=PLAIN["ready"])
        case CampaignState.SCHEDULED:
            return NextStep(f"Its campaign starts {iso_seconds(start_at)}.", start_at, PLAIN["scheduled"])
        case CampaignState.PAUSED:
            command = f"Run `harkara campaign resume {identity}` to continue."
            plain = f"Its campaign is paused: {reason}"
            return NextStep(f"{plain} {command}", plain=plain)
        case CampaignState.LOADING:
            command = f"`harkara campaign cancel {identity}`"
            sentence = f"Its campaign is being loaded; if the load was interrupted, run {command}."
            return NextStep(sentence, plain=PLAIN["loading"])
        case _:
            return None
