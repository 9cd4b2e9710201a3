"""Routes for campaigns: list, get, rehearse, start, pause, resume, cancel, repeat, report, results."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from harkara.campaigns.effect import CampaignEffect
from harkara.campaigns.status import REPORTED, CampaignProgress
from harkara.gateway.authentication import CurrentCaller
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.callers import Caller
from harkara.gateway.csv_response import csv_response
from harkara.gateway.dependencies import Dependencies, Deps, reading
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.campaigns import (
    CampaignForecast,
    CampaignList,
    FiguresOfCampaign,
    NextRound,
    PauseCampaign,
    RejectedRows,
    ResumeCampaign,
    SecondRound,
    StartCampaign,
)
from harkara.gateway.schemas.fields import Word
from harkara.ledger.campaigns import commands, queries
from harkara.ledger.campaigns.again import create_second_round
from harkara.ledger.campaigns.create import parse_stop_loss
from harkara.ledger.campaigns.effects import get_effect
from harkara.ledger.campaigns.figures import get_figures
from harkara.ledger.campaigns.rehearse import rehearse_campaign as rehearse
from harkara.ledger.users.acts import Actor

router = APIRouter(tags=["Campaigns"], prefix="/campaigns")

Name = Annotated[Word, Path(description="The campaign's name or id")]


@router.get("", responses=error_responses(401, 429, 503))
def list_campaigns(deps: Deps, caller: CurrentCaller) -> CampaignList:
    """List the campaigns of the token's lanes, newest first."""
    return CampaignList(campaigns=queries.list_campaigns(deps.db, lanes=caller.lanes))


@router.post(
    "/{name:name}/rehearse",
    responses=error_responses(400, 401, 404, 413, 429, 503),
    openapi_extra=body_schema(StartCampaign, required=False),
)
def rehearse_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> CampaignForecast:
    """Forecast end and cost of a campaign that starts now or at a given time. Nothing is sent."""
    found = queries.get_campaign(deps.db, name, lanes=caller.lanes)
    asked = StartCampaign.read(read_json(body, required=False)).at
    return CampaignForecast.of(rehearse(deps.db, found, deps.campaigns(), asked))


@router.get(
    "/{name:name}/report",
    responses={
        **error_responses(400, 401, 404, 429, 503),
        200: {"content": {"text/csv": {}}, "description": "A line for each recipient"},
    },
    response_class=Response,
)
def report_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> Response:
    """Report the result for each recipient as CSV, without number and name, in the order of the file."""
    lines = queries.report(deps.db, _find(deps, caller, name), numbers=False)
    return csv_response(REPORTED, ([getattr(line, column) for column in REPORTED] for line in lines))


@router.post(
    "/{name:name}/start",
    responses=error_responses(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(StartCampaign, required=False),
)
def start_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> CampaignProgress:
    """Start a campaign now or at a given time."""
    identity = _find(deps, caller, name)
    commands.start(deps.db, identity, StartCampaign.read(read_json(body, required=False)).at, actor=_actor(caller))
    return _progress(deps, identity)


@router.post(
    "/{name:name}/pause",
    responses=error_responses(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(PauseCampaign, required=False),
)
def pause_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> CampaignProgress:
    """Pause a campaign. Messages that no worker is about to send wait; no attempt and no deadline is used up."""
    identity = _find(deps, caller, name)
    pause = PauseCampaign.read(read_json(body, required=False))
    commands.pause(deps.db, identity, pause.reason or f"Decided by {caller.name}.", actor=_actor(caller))
    return _progress(deps, identity)


@router.post(
    "/{name:name}/resume",
    responses=error_responses(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(ResumeCampaign, required=False),
)
def resume_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> CampaignProgress:
    """Resume a paused campaign, with a new stop-loss if it has reached its own."""
    identity = _find(deps, caller, name)
    wanted = ResumeCampaign.read(read_json(body, required=False)).stop_loss
    prices = deps.campaigns().prices
    stop_loss = None if wanted is None else (parse_stop_loss(wanted, prices), prices.currency)
    commands.resume(deps.db, identity, stop_loss=stop_loss, actor=_actor(caller))
    return _progress(deps, identity)


@router.post(
    "/{name:name}/again",
    status_code=201,
    responses=error_responses(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(SecondRound),
)
def repeat_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> NextRound:
    """Create a campaign for the recipients whose message failed. Consent is checked again; nothing is sent yet."""
    found = queries.get_campaign(deps.db, name, lanes=caller.lanes)
    wanted = SecondRound.read(read_json(body))
    with reading(deps):
        plan, _, rejects = create_second_round(
            deps.db,
            found,
            wanted.name,
            deps.campaigns(),
            codes=wanted.codes,
            agreed_only=wanted.agreed_only,
            expires=wanted.expires,
            actor=_actor(caller),
        )
    return NextRound(campaign=_progress(deps, plan.id), rows=RejectedRows.of(rejects))


@router.get("/{name:name}/effect", responses=error_responses(400, 401, 404, 429, 503))
def measure_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> CampaignEffect:
    """Compare how many recipients wrote with how many of those who got nothing, and how sure the difference is."""
    return get_effect(deps.db, _find(deps, caller, name))


@router.get("/{name:name}/results", responses=error_responses(400, 401, 404, 429, 503))
def get_results(deps: Deps, caller: CurrentCaller, name: Name) -> FiguresOfCampaign:
    """Get how many recipients wrote and opted out since they got it, the effect, and the costs."""
    found = queries.get_campaign(deps.db, name, lanes=caller.lanes)
    return FiguresOfCampaign.of(get_figures(deps.db, found, deps.campaigns()))


@router.post("/{name:name}/cancel", responses=error_responses(400, 401, 404, 409, 429, 503))
def cancel_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> CampaignProgress:
    """Cancel all messages of a campaign that are not sent yet. This cannot be undone."""
    identity = _find(deps, caller, name)
    commands.cancel(deps.db, identity, caller.name, actor=_actor(caller))
    return _progress(deps, identity)


# After the others: a name may have slashes.
@router.get("/{name:name}", responses=error_responses(400, 401, 404, 429, 503))
def get_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> CampaignProgress:
    """Get a campaign with its messages by state, and its failed, cancelled and uncertain messages by code."""
    return _progress(deps, _find(deps, caller, name))


def _actor(caller: Caller) -> Actor:
    return Actor(caller.name, "api")


def _find(deps: Dependencies, caller: Caller, name: str) -> str:
    return queries.get_campaign(deps.db, name, lanes=caller.lanes).id


def _progress(deps: Dependencies, identity: str) -> CampaignProgress:
    return queries.get_progress(deps.db, identity)
