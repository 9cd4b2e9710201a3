"""Routes for acts on all messages that fit the filters: a preview, and the act on exactly its set."""

from __future__ import annotations

from collections import deque

from fastapi import APIRouter

from harkara.gateway.authentication import CurrentCaller
from harkara.gateway.body import Body, body_schema, read_json
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.message_filter import message_filter
from harkara.gateway.schemas.messages import ActPreview, ActResult, PerformAct, PreviewAct
from harkara.ledger.messages import selections
from harkara.ledger.users.acts import Actor
from harkara.message_selection import Progress, delay_seconds

router = APIRouter(tags=["Messages"], prefix="/messages")


@router.post("/preview", responses=error_responses(400, 401, 404, 413, 429, 503), openapi_extra=body_schema(PreviewAct))
def preview_act(deps: Deps, caller: CurrentCaller, body: Body) -> ActPreview:
    """Show what an act on all messages that fit the filters would concern. Nothing is done."""
    chosen = PreviewAct.read(read_json(body))
    shown = selections.preview(deps.db, message_filter(deps.db, caller, chosen, chosen.to), chosen.act)
    return ActPreview.model_validate(dict(shown) | {"delay_seconds": delay_seconds(shown, deps.allowances)})


@router.post(
    "/act", responses=error_responses(400, 401, 404, 409, 413, 429, 503), openapi_extra=body_schema(PerformAct)
)
def perform_act(deps: Deps, caller: CurrentCaller, body: Body) -> ActResult:
    """Do an act on exactly the set of its preview, with the same filters. A set that has changed is refused.

    The response comes at the end; 100,000 messages take some seconds. If the connection breaks, the act goes on.
    """
    chosen = PerformAct.read(read_json(body))
    wanted = message_filter(deps.db, caller, chosen, chosen.to)
    steps = selections.perform(
        deps.db, wanted, chosen.act, chosen.token, Actor(caller.name, "api"), deadlines=deps.backend.deadlines
    )
    (last,) = deque(steps, maxlen=1) or [Progress(done=0, left=0, total=0)]
    return ActResult.model_validate(dict(last) | {"act": chosen.act})
