"""Routes for campaigns: list, get, start, pause, resume, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from harkara.campaigns.status import CampaignProgress
from harkara.gateway.authentication import CurrentCaller
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.callers import Caller
from harkara.gateway.dependencies import Dependencies, Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.campaigns import CampaignList, PauseCampaign, StartCampaign
from harkara.gateway.schemas.fields import Word
from harkara.ledger.campaigns import commands, queries

router = APIRouter(tags=["Campaigns"], prefix="/campaigns")

Name = Annotated[Word, Path(description="The campaign's name or id")]


@router.get("", responses=error_responses(401, 429, 503))
def list_campaigns(deps: Deps, caller: CurrentCaller) -> CampaignList:
    """List the campaigns of the token's lanes, newest first."""
    found = [each for each in queries.list_campaigns(deps.db) if each.lane in caller.lanes]
    return CampaignList(campaigns=found)


@router.get("/{name}", responses=error_responses(400, 401, 404, 429, 503))
def get_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> CampaignProgress:
    """Get a campaign with its messages by state, and its failed, cancelled and uncertain messages by code."""
    return _progress(deps, _find(deps, caller, name))


@router.post(
    "/{name}/start",
    responses=error_responses(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(StartCampaign, required=False),
)
def start_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> CampaignProgress:
    """Start a campaign now or at a given time."""
    identity = _find(deps, caller, name)
    commands.start(deps.db, identity, StartCampaign.read(read_json(body, required=False)).at)
    return _progress(deps, identity)


@router.post(
    "/{name}/pause",
    responses=error_responses(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=body_schema(PauseCampaign, required=False),
)
def pause_campaign(deps: Deps, caller: CurrentCaller, name: Name, body: Body) -> CampaignProgress:
    """Pause a campaign. Messages that no worker is about to send wait; no attempt and no deadline is used up."""
    identity = _find(deps, caller, name)
    pause = PauseCampaign.read(read_json(body, required=False))
    commands.pause(deps.db, identity, pause.reason or f"Decided by {caller.name}.")
    return _progress(deps, identity)


@router.post("/{name}/resume", responses=error_responses(400, 401, 404, 409, 429, 503))
def resume_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> CampaignProgress:
    """Resume a paused campaign."""
    identity = _find(deps, caller, name)
    commands.resume(deps.db, identity)
    return _progress(deps, identity)


@router.post("/{name}/cancel", responses=error_responses(400, 401, 404, 409, 429, 503))
def cancel_campaign(deps: Deps, caller: CurrentCaller, name: Name) -> CampaignProgress:
    """Cancel all messages of a campaign that are not sent yet. This cannot be undone."""
    identity = _find(deps, caller, name)
    commands.cancel(deps.db, identity, caller.name)
    return _progress(deps, identity)


def _find(deps: Dependencies, caller: Caller, name: str) -> str:
    return queries.get_campaign(deps.db, name, lanes=caller.lanes).id


def _progress(deps: Dependencies, identity: str) -> CampaignProgress:
    return queries.get_progress(deps.db, identity)
