"""Health checks and metrics, for supervisors and Prometheus. They show no secret; metrics may need a token."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from harkara.errors import HarkaraError
from harkara.gateway.authentication import check_metrics_token
from harkara.gateway.dependencies import Dependencies, Deps
from harkara.gateway.errors import error_responses
from harkara.health.ledger_checks import BEAT_SECONDS
from harkara.ledger import migrate
from harkara.ledger.halts import parked_lanes
from harkara.ledger.leases import seconds_since

router = APIRouter(tags=["Health"])


class Alive(BaseModel):
    alive: Literal[True] = True


class Ready(BaseModel):
    """Each service, and the lanes, with their state in words."""

    ready: bool
    redis: str
    database: str
    heartbeat: str
    lanes: str


@router.get("/livez")
async def livez() -> Alive:
    """Whether this process answers. It asks no other service and needs no free thread."""
    return Alive()


@router.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "A service is not ready"}})
def readyz(deps: Deps) -> JSONResponse:
    """Whether Redis, the database, beat and the workers are ready.

    A parked lane is named, and changes nothing else: its messages are accepted, and wait.
    """
    redis = deps.redis_problem() or "answers"
    database = _database_state(deps)
    heartbeat = _heartbeat_state(deps)
    ready = redis == "answers" and database == "at head" and heartbeat.startswith("received")
    found = Ready(ready=ready, redis=redis, database=database, heartbeat=heartbeat, lanes=_lanes_state(deps))
    return JSONResponse(found.model_dump(), 200 if ready else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}, **error_responses(401, 429)},
    dependencies=[Depends(check_metrics_token)],
)
def metrics(deps: Deps) -> Response:
    """The metrics of this process, for Prometheus."""
    return Response(generate_latest(deps.registry), media_type=CONTENT_TYPE_LATEST)


def _database_state(deps: Dependencies) -> str:
    try:
        return migrate.schema_problem(deps.db) or "at head"
    except HarkaraError:
        return "away"


def _heartbeat_state(deps: Dependencies) -> str:
    try:
        seconds = seconds_since(deps.db, "heartbeat")
    except HarkaraError:
        return "unknown"
    if seconds is None:
        return "never received"
    return f"{'received' if seconds <= BEAT_SECONDS else 'silent'}, the last one {seconds:.0f} s ago"


def _lanes_state(deps: Dependencies) -> str:
    try:
        parked = parked_lanes(deps.db)
    except HarkaraError:
        return "unknown"
    return f"parked: {', '.join(f'{each.lane} ({each.code})' for each in parked)}" if parked else "open"
