"""Try a loaded campaign: its first message as a phone shows it, what it costs, and a test to one's own number."""

from __future__ import annotations

import json
from typing import cast

from fastapi import APIRouter
from fastapi.responses import Response
from uuid_utils import uuid7

from harkara.campaigns.forecast import Forecast
from harkara.campaigns.status import CampaignSummary
from harkara.console.bubbles import bubbles_of_request
from harkara.console.errors import sentence
from harkara.console.forms import Form, printable
from harkara.console.languages import N_
from harkara.console.pages.steer_campaign import STATES
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Conflict, HarkaraError, Invalid
from harkara.ledger.campaigns.queries import get_campaign, get_first_body
from harkara.ledger.campaigns.rehearse import rehearse_campaign
from harkara.ledger.users.acts import record_act
from harkara.messages import Envelope
from harkara.messages.template import TemplateCategory
from harkara.messages.validation import as_handed_over

router = APIRouter()

_NOTHING_LEFT = N_("Every message of this campaign is sent already.")
_USED = N_("This test was sent already. Load the page again for another one.")


@router.get("/campaigns/{key}/try")
def try_page(visitor: Operator, key: str, sent: str = "") -> Response:
    return _page(visitor, _campaign(visitor, key), sent=sent)


@router.post("/campaigns/{key}/try")
def send_test(visitor: Operator, form: Form, key: str) -> Response:
    """Send the campaign's first message to a number of the operator's, as an ordinary message."""
    found = _campaign(visitor, key)
    try:
        envelope = _envelope(visitor, found, form["to"], form["id"])
        with visitor.console.db.write() as tx:
            record_act(tx, visitor.actor, "campaign.tested", found.name, filter=f"to {envelope.to}", number=1)
        (receipt,) = visitor.console.backend.enqueue([envelope])
        if isinstance(receipt, HarkaraError):
            raise receipt
        if not receipt.new:
            raise Conflict(_USED)
    except (Invalid, Conflict) as error:
        return _page(visitor, found, sentence(error, visitor.language), to=form["to"])
    return visitor.redirect(f"/campaigns/{found.id}/try?done=campaign.tested&sent={receipt.id}")


def _page(
    visitor: SignedIn, found: CampaignSummary, problem: str | None = None, *, to: str = "", sent: str = ""
) -> Response:
    body = get_first_body(visitor.console.db, found.id)
    return visitor.page(
        "campaign_try.html",
        400 if problem else 200,
        campaign=found,
        states=STATES,
        bubbles=bubbles_of_request(body, visitor.console.catalogue, category=found.category) if body else (),
        forecast=_forecast(visitor, found),
        identity=f"job_{uuid7().hex}",
        problem=problem,
        to=to,
        sent=sent if sent.startswith("job_") else "",
    )


def _campaign(visitor: SignedIn, key: str) -> CampaignSummary:
    return get_campaign(visitor.console.db, printable(key), lanes=visitor.user.lanes)


def _forecast(visitor: SignedIn, found: CampaignSummary) -> Forecast | None:
    """Return what the messages that are left cost, None for a lane that is not configured, and after a year."""
    try:
        return rehearse_campaign(visitor.console.db, found, visitor.console.campaigns())
    except Invalid:
        return None


def _envelope(visitor: SignedIn, found: CampaignSummary, to: str, identity: str) -> Envelope:
    """Return the first message for another number. Its id comes with the page: a form sent twice is one message."""
    body = get_first_body(visitor.console.db, found.id)
    if body is None:
        raise Conflict(_NOTHING_LEFT)
    with as_handed_over():
        request = Envelope.from_wire(json.loads(body), category=cast(TemplateCategory, found.category))
    return Envelope(
        id=identity,
        to=to,
        messages=request.messages,
        customer_name=request.customer_name,
        alt_texts=request.alt_texts,
        lane=found.lane,
        category=request.category,
        producer="console",
    )
