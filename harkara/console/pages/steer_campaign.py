"""Start, pause, resume and cancel a campaign, each after a page that says what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.campaigns.results import CampaignResults
from harkara.campaigns.status import CampaignSummary
from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields, printable
from harkara.console.languages import N_
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Conflict, Invalid
from harkara.ledger.campaigns import commands
from harkara.ledger.campaigns.create import parse_stop_loss
from harkara.ledger.campaigns.results import get_results
from harkara.states import CampaignState

router = APIRouter()

STATES: Mapping[CampaignState, str] = {
    CampaignState.LOADING: N_("loading"),
    CampaignState.READY: N_("not started"),
    CampaignState.SCHEDULED: N_("scheduled"),
    CampaignState.RUNNING: N_("running"),
    CampaignState.PAUSED: N_("paused"),
    CampaignState.CANCELLED: N_("cancelled"),
    CampaignState.FINISHED: N_("finished"),
}


def _start(visitor: SignedIn, form: FormFields, key: str) -> str:
    if form["when"] != "later" and form["at"]:
        raise Invalid("at", _NOW_AND_LATER)
    at = _moment(visitor, form["at"]) if form["when"] == "later" else None
    commands.start(visitor.console.db, key, at, actor=visitor.actor)
    return "campaign.scheduled" if at else "campaign.started"


def _pause(visitor: SignedIn, form: FormFields, key: str) -> str:
    reason = " ".join(form["reason"].split()) or f"Decided by {visitor.user.name}."
    commands.pause(visitor.console.db, key, reason, actor=visitor.actor)
    return "campaign.paused"


def _resume(visitor: SignedIn, form: FormFields, key: str) -> str:
    prices, text = visitor.console.files().prices, form["stop_loss"].strip()
    stop_loss = (parse_stop_loss(text, prices), prices.currency) if text else None
    commands.resume(visitor.console.db, key, stop_loss=stop_loss, actor=visitor.actor)
    return "campaign.resumed"


def _cancel(visitor: SignedIn, _form: FormFields, key: str) -> str:
    commands.cancel(visitor.console.db, key, visitor.user.name, actor=visitor.actor)
    return "campaign.cancelled"


class Steering(NamedTuple):
    """What an operator can decide about a campaign in one of these states. It returns the kind of the act."""

    label: str
    states: frozenset[CampaignState]
    run: Callable[[SignedIn, FormFields, str], str]


STEERING: Mapping[str, Steering] = {
    "start": Steering(N_("Start"), frozenset({CampaignState.READY, CampaignState.SCHEDULED}), _start),
    "pause": Steering(N_("Pause"), frozenset({CampaignState.RUNNING, CampaignState.SCHEDULED}), _pause),
    "resume": Steering(N_("Resume"), frozenset({CampaignState.PAUSED}), _resume),
    "cancel": Steering(
        N_("Cancel"), frozenset(CampaignState) - {CampaignState.CANCELLED, CampaignState.FINISHED}, _cancel
    ),
}
"""By the last part of the path."""

_NOW_AND_LATER = N_("is given, but Now is chosen: choose this time, or empty it")
_CHANGED = N_("This is not possible any more: the campaign is now in this state: %(state)s.")


_STILL_REACHED = N_("The campaign has cost as much as its stop-loss already: give it a higher one.")


def steering(state: CampaignState) -> Mapping[str, Steering]:
    """Return what can be decided about a campaign in this state."""
    return {name: each for name, each in STEERING.items() if state in each.states}


@router.get("/campaigns/{key}/{name}")
def ask_page(visitor: Operator, key: str, name: str) -> Response:
    return _page(visitor, _found(visitor, key, name), name)


@router.post("/campaigns/{key}/{name}")
def steer(visitor: Operator, form: Form, key: str, name: str) -> Response:
    found = _found(visitor, key, name)
    try:
        done = STEERING[name].run(visitor, form, found.campaign.id)
    except Invalid as error:
        return _page(visitor, found, name, sentence(error, visitor.language), form)
    except Conflict:
        return _page(visitor, found, name, _refused(visitor, name, _found(visitor, key, name).campaign), form)
    return visitor.redirect(f"/campaigns/{found.campaign.id}?done={done}")


def _page(
    visitor: SignedIn, found: CampaignResults, name: str, problem: str | None = None, given: FormFields | None = None
) -> Response:
    lane = visitor.console.files().lanes.get(found.campaign.lane)
    return visitor.page(
        "campaign_steer.html",
        400 if problem else 200,
        found=found,
        campaign=found.campaign,
        name=name,
        label=STEERING[name].label,
        ends_at=found.ends_at(lane),
        problem=problem,
        given=given or FormFields([]),
    )


def _found(visitor: SignedIn, key: str, name: str) -> CampaignResults:
    if name not in STEERING:
        raise HTTPException(404)
    return get_results(visitor.console.db, printable(key), lanes=visitor.user.lanes)


def _refused(visitor: SignedIn, name: str, found: CampaignSummary) -> str:
    translate, state = visitor.language.texts.gettext, found.state
    if name == "resume" and state is CampaignState.PAUSED:
        return translate(_STILL_REACHED)
    return translate(_CHANGED) % {"state": translate(STATES[state])}


def _moment(visitor: SignedIn, text: str) -> datetime:
    """Return the time of a field `datetime-local`, which is a local time. Raises Invalid."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=visitor.console.zone)
    except ValueError:
        raise Invalid("at", "choose a day and a time") from None
