"""Campaigns by HTTP: how far each is, and what may be decided about it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from harkara.errors import NotFound
from harkara.gateway.callers import Caller
from harkara.gateway.dependencies import Behind, Inside
from harkara.gateway.entry import Body, Calling, read_json
from harkara.gateway.problems import problems
from harkara.gateway.shapes import Campaigns, PauseCampaign, Progress, StartCampaign, Word, takes
from harkara.ledger.campaigns import commands, queries

routes = APIRouter(tags=["Campaigns"], prefix="/campaigns")

Name = Annotated[Word, Path(description="Its name or its id")]


@routes.get("", responses=problems(401, 429, 503))
def list_campaigns(behind: Inside, caller: Calling) -> Campaigns:
    """The campaigns of the token's lanes, newest first."""
    found = [each for each in queries.listing(behind.db) if each["lane"] in caller.lanes]
    return Campaigns.model_validate({"campaigns": found})


@routes.get("/{name}", responses=problems(400, 401, 404, 429, 503))
def get_campaign(behind: Inside, caller: Calling, name: Name) -> Progress:
    """How far it is: its messages by state, and by code those that went wrong."""
    return _shown(behind, _find(behind, caller, name))


@routes.post(
    "/{name}/start",
    responses=problems(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=takes(StartCampaign, needed=False),
)
def start_campaign(behind: Inside, caller: Calling, name: Name, body: Body) -> Progress:
    """Lets it go, now or at a time."""
    identity = _find(behind, caller, name)
    commands.start(behind.db, identity, StartCampaign.read(read_json(body, needed=False)).at)
    return _shown(behind, identity)


@routes.post(
    "/{name}/pause",
    responses=problems(400, 401, 404, 409, 413, 429, 503),
    openapi_extra=takes(PauseCampaign, needed=False),
)
def pause_campaign(behind: Inside, caller: Calling, name: Name, body: Body) -> Progress:
    """Holds it: what no worker is about to send waits, and nothing burns."""
    identity = _find(behind, caller, name)
    said = PauseCampaign.read(read_json(body, needed=False))
    commands.pause(behind.db, identity, said.reason or f"Decided by {caller.name}.")
    return _shown(behind, identity)


@routes.post("/{name}/resume", responses=problems(400, 401, 404, 409, 429, 503))
def resume_campaign(behind: Inside, caller: Calling, name: Name) -> Progress:
    """Lets it go on."""
    identity = _find(behind, caller, name)
    commands.resume(behind.db, identity)
    return _shown(behind, identity)


@routes.post("/{name}/cancel", responses=problems(400, 401, 404, 409, 429, 503))
def cancel_campaign(behind: Inside, caller: Calling, name: Name) -> Progress:
    """Cancels all of it that has not left yet, for good."""
    identity = _find(behind, caller, name)
    commands.cancel(behind.db, identity, caller.name)
    return _shown(behind, identity)


def _find(behind: Behind, caller: Caller, name: str) -> str:
    found = commands.find(behind.db, name)
    if found["lane"] not in caller.lanes:
        raise NotFound("no campaign has this id or name")
    return str(found["id"])


def _shown(behind: Behind, identity: str) -> Progress:
    return Progress.model_validate(queries.progress(behind.db, identity))
