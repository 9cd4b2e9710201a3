"""Routes for alarms: list and acknowledge."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from harkara.gateway.authentication import CurrentCaller
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.alarms import AlarmFilters, AlarmList
from harkara.gateway.schemas.fields import Word
from harkara.goals.alarm import Alarm
from harkara.ledger.alarms import alarms
from harkara.ledger.users.acts import Actor

router = APIRouter(tags=["Alarms"], prefix="/alarms")

AlarmId = Annotated[Word, Path(alias="id", description="The alarm's id")]


@router.get("", responses=error_responses(400, 401, 429, 503))
def list_alarms(deps: Deps, caller: CurrentCaller, filters: Annotated[AlarmFilters, Query()]) -> AlarmList:
    """List the open alarms of the token's lanes and of the whole deployment, newest first."""
    found = alarms.list_alarms(deps.db, open_only=not filters.all, lanes=caller.lanes, limit=filters.limit)
    return AlarmList(alarms=found)


@router.post("/{id}/acknowledge", responses=error_responses(400, 401, 404, 409, 429, 503))
def acknowledge_alarm(deps: Deps, caller: CurrentCaller, identity: AlarmId) -> Alarm:
    """Acknowledge an open alarm under the token's name: others see who takes care of it."""
    return alarms.acknowledge(deps.db, identity, caller.name, lanes=caller.lanes, actor=Actor(caller.name, "api"))
