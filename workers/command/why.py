"""What a person can do about a message that does not move by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harkara.states import CampaignState, State
from harkara.status import MessageStatus
from workers.command.deployment import configured
from workers.command.output import clock

if TYPE_CHECKING:
    from harkara.ledger.database import Database


def next_step(db: Database, message: MessageStatus) -> str | None:
    """One sentence for the operator; None when nothing is left to do."""
    match message.state:
        case State.WAITING:
            return _waiting(db, message)
        case State.QUEUED | State.CLAIMED | State.SENDING:
            return "It is on its way; look again in some seconds."
        case State.UNCERTAIN:
            return f"Look whether it arrived, then `harkara resolve {message.id}` with --sent, --resend or --drop."
        case State.FAILED:
            return "Put right what the reason names, then send a new message."
        case _:
            return None


def _waiting(db: Database, message: MessageStatus) -> str:
    from harkara.ledger.halts import list_halts

    lane = message.lane
    for halt in list_halts(db):
        if halt.lane == lane and halt.template in (None, message.template) and halt.state != "probing":
            held = f"Template {halt.template}" if halt.template else f"Lane {lane}"
            until = f" until {clock(halt.until)}" if halt.until else ""
            return f"{held} is {halt.state}{until}: {halt.reason} `harkara lanes unpark {lane}` lets it go."
    if message.campaign and (let_go := _campaign(db, message.campaign)):
        return let_go
    if lane not in configured():
        return f"Lane {lane} has no token here: give it one, and it goes by itself."
    if message.due_at >= message.expires_at:
        return f"It waits for you: `harkara resolve {message.id}` with --resend or --drop."
    return f"It goes by itself when it is due; `harkara cancel {message.id}` stops it."


def _campaign(db: Database, identity: str) -> str | None:
    from harkara.ledger.campaigns import commands

    campaign = commands.find(db, identity)
    match campaign["state"]:
        case CampaignState.READY:
            return f"`harkara campaign start {identity}` lets it go."
        case CampaignState.SCHEDULED:
            return f"Its campaign starts {clock(campaign['start_at'].isoformat())}."
        case CampaignState.PAUSED:
            return f"Its campaign is paused: {campaign['reason']} `harkara campaign resume {identity}` lets it go."
        case CampaignState.LOADING:
            return f"Its campaign is not loaded; if that broke off, `harkara campaign cancel {identity}`."
        case _:
            return None
