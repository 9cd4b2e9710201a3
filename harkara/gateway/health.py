"""Signs of life of the web door, for supervisors and Prometheus; nothing here needs a token or tells a secret."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from harkara.errors import HarkaraError
from harkara.gateway.dependencies import Behind, Inside
from harkara.gateway.shapes import Alive, Ready
from harkara.ledger import migrate
from harkara.ledger.messages.queries import seconds_since

routes = APIRouter(tags=["Signs of life"])

SILENT_SECONDS = 60
"""Beat rings every ten seconds; after this, it and the workers do not meet any more."""


@routes.get("/livez")
async def livez() -> Alive:
    """This process answers; it asks nobody else, and needs no free thread."""
    return Alive()


@routes.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "Not everything is well"}})
def readyz(behind: Inside) -> JSONResponse:
    """Whether Redis, the database, beat and workers are there."""
    redis = "answers" if behind.redis_answers() else "away"
    database = _database(behind)
    heartbeat = _heartbeat(behind)
    ready = redis == "answers" and database == "at head" and heartbeat.startswith("heard")
    found = Ready(ready=ready, redis=redis, database=database, heartbeat=heartbeat)
    return JSONResponse(found.model_dump(), 200 if ready else 503)


@routes.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE_LATEST: {}}}})
def metrics(behind: Inside) -> Response:
    """The figures of this process, for Prometheus."""
    return Response(generate_latest(behind.registry), media_type=CONTENT_TYPE_LATEST)


def _database(behind: Behind) -> str:
    try:
        return migrate.schema_problem(behind.db) or "at head"
    except HarkaraError:
        return "away"


def _heartbeat(behind: Behind) -> str:
    try:
        seconds = seconds_since(behind.db, "heartbeat")
    except HarkaraError:
        return "unknown"
    if seconds is None:
        return "never heard"
    return f"{'heard' if seconds <= SILENT_SECONDS else 'silent'}, the last one {seconds:.0f} s ago"
