"""Campaigns: how each of them goes, and what operators decide about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.campaigns.results import TO_SEND, CampaignResults
from harkara.console.forms import printable
from harkara.console.languages import N_
from harkara.console.pages.steer_campaign import STATES, steering
from harkara.console.visitors import Viewer
from harkara.ledger.campaigns.figures import get_figures
from harkara.ledger.campaigns.queries import list_campaigns
from harkara.ledger.campaigns.results import count_left, get_results
from harkara.money.amounts import from_micros
from harkara.states import CampaignState, State

ROWS = 50

router = APIRouter()

_MOVING = {CampaignState.RUNNING, CampaignState.PAUSED}
"""Campaigns of which the list says how far they are: the others have sent nothing, or all."""


class Step(NamedTuple):
    """A number of messages in one of these states, as part of all messages of the campaign."""

    label: str
    states: frozenset[State]


_ARRIVED = frozenset({State.DELIVERED, State.READ})

FUNNEL = (
    Step(N_("Recipients"), frozenset()),
    Step(N_("Accepted by Chat Mitra"), _ARRIVED | {State.ACCEPTED, State.SENT}),
    Step(N_("Sent to WhatsApp"), _ARRIVED | {State.SENT}),
    Step(N_("Delivered"), _ARRIVED),
    Step(N_("Read"), frozenset({State.READ})),
)
"""Each step contains the next one. A message that failed later is in none but the first."""

OTHERS = (
    Step(N_("Still to be sent"), TO_SEND),
    Step(N_("Uncertain whether sent"), frozenset({State.UNCERTAIN})),
    Step(N_("Failed"), frozenset({State.FAILED})),
    Step(N_("Cancelled"), frozenset({State.CANCELLED})),
)


class Shown(NamedTuple):
    """A step with its number, its share of the campaign from 0 to 100, and the page of its messages."""

    label: str
    number: int
    share: float
    path: str


@router.get("/campaigns")
def list_page(visitor: Viewer, before: str = "") -> Response:
    """Show the newest campaigns, or those before one of them."""
    db = visitor.console.db
    rows = list_campaigns(db, lanes=visitor.user.lanes, before=printable(before) or None, limit=ROWS + 1)
    shown = rows[:ROWS]
    left = count_left(db, [each.id for each in shown if each.state in _MOVING])
    return visitor.page(
        "campaigns.html", campaigns=shown, left=left, before=before, more=len(rows) > ROWS, states=STATES
    )


@router.get("/campaigns/{key}")
def campaign_page(visitor: Viewer, key: str) -> Response:
    """Show a campaign. The page asks for its live part, which is a part of itself, every 10 seconds."""
    found = get_results(visitor.console.db, printable(key), lanes=visitor.user.lanes)
    return visitor.page(
        "campaign.html",
        found=found,
        campaign=found.campaign,
        states=STATES,
        steering=steering(found.campaign.state),
        waiting=_messages(found, TO_SEND),
        ends_at=found.ends_at(visitor.console.files().lanes.get(found.campaign.lane)),
        funnel=[_shown(found, step) for step in FUNNEL],
        others=[shown for step in OTHERS if (shown := _shown(found, step)).number],
        failures=[(each, _messages(found, [each.state], each.code)) for each in found.failures],
        written=_messages(found, response="written"),
        opted_out=_messages(found, response="opted-out"),
        figures=get_figures(visitor.console.db, found.campaign, visitor.console.campaigns(), found.counts),
        spent={currency: from_micros(micros) for currency, micros in found.spent.items()},
    )


def _shown(found: CampaignResults, step: Step) -> Shown:
    number = found.count(step.states) if step.states else found.campaign.audience
    share = 100 * number / found.campaign.audience if found.campaign.audience else 0.0
    return Shown(step.label, number, round(share, 1), _messages(found, step.states))


def _messages(found: CampaignResults, states: Iterable[State] = (), code: str = "", response: str = "") -> str:
    """Return the page of these messages."""
    words = [("campaign", found.campaign.name), *(("state", state.value) for state in State if state in {*states})]
    return f"/messages?{urlencode([*words, *(pair for pair in (('code', code), ('response', response)) if pair[1])])}"
