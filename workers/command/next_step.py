"""The next step for a message that does not continue by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from harkara.states import CampaignState, State
from workers.command.deployment import configured
from workers.command.local_time import LocalTime

if TYPE_CHECKING:
    from harkara.ledger.database import Database
    from harkara.message_status import MessageStatus


def next_step(db: Database, message: MessageStatus, local: LocalTime) -> str | None:
    """Return one sentence for the operator, or None when there is nothing to do."""
    match message.state:
        case State.WAITING:
            return _waiting(db, message, local)
        case State.QUEUED | State.CLAIMED | State.SENDING:
            return "It is being sent; ask again in a few seconds."
        case State.UNCERTAIN:
            return (
                "Ask the recipient whether it arrived, then run "
                f"`harkara resolve {message.id}` with --sent, --resend or --drop."
            )
        case State.FAILED:
            return "Correct what the reason names, then send a new message."
        case _:
            return None


def _waiting(db: Database, message: MessageStatus, local: LocalTime) -> str:
    from harkara.ledger.halts import list_halts

    lane = message.lane
    for halt in list_halts(db):
        if halt.lane == lane and halt.template in (None, message.template) and halt.state != "probing":
            held = f"Template {halt.template}" if halt.template else f"Lane {lane}"
            until = f" until {local.show(halt.until, lane)}" if halt.until else ""
            return f"{held} is {halt.state}{until}: {halt.reason} Run `harkara lanes unpark {lane}` to continue."
    if message.campaign and (step := _campaign(db, message.campaign, local)):
        return step
    if lane not in configured():
        return f"Lane {lane} has no token: add it to HARKARA_LANE_TOKENS, and the message is sent."
    if message.due_at >= message.expires_at:
        return f"It waits for your decision: run `harkara resolve {message.id}` with --resend or --drop."
    if message.due_at <= datetime.now(UTC):
        return f"It is due, and sent when its turn in the lane comes; `harkara cancel {message.id}` cancels it."
    return f"It is sent when it is due; `harkara cancel {message.id}` cancels it."


def _campaign(db: Database, identity: str, local: LocalTime) -> str | None:
    from harkara.ledger.campaigns import queries

    campaign = queries.get_campaign(db, identity)
    match campaign.state:
        case CampaignState.READY:
            return f"Run `harkara campaign start {identity}` to send it."
        case CampaignState.SCHEDULED:
            return f"Its campaign starts {local.show(campaign.start_at, campaign.lane)}."
        case CampaignState.PAUSED:
            return f"Its campaign is paused: {campaign.reason} Run `harkara campaign resume {identity}` to continue."
        case CampaignState.LOADING:
            return (
                f"Its campaign is being loaded; if the load was interrupted, run `harkara campaign cancel {identity}`."
            )
        case _:
            return None
