"""Routes for messages: list, get, cancel."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter, Header, Query

from harkara.errors import Invalid
from harkara.gateway.authentication import CurrentCaller, Lanes
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.schemas.fields import JobId
from harkara.gateway.schemas.messages import (
    CancelResult,
    MessageFilters,
    MessagePage,
)
from harkara.ledger.contacts.queries import all_names
from harkara.ledger.messages import queries
from harkara.ledger.messages.commands import cancel
from harkara.message_status import MessageStatus

router = APIRouter(tags=["Messages"])


@router.get("/messages", responses=error_responses(400, 401, 429, 503))
def list_messages(
    deps: Deps,
    caller: CurrentCaller,
    filters: Annotated[MessageFilters, Query()],
    to: Annotated[
        str | None,
        Header(alias="Harkara-To", description="To this number; a header, because proxies write addresses to logs"),
    ] = None,
) -> MessagePage:
    """List the messages of the token's lanes that match every filter, newest first."""
    wanted = filters.model_dump(exclude={"state"})
    recipients = None if to is None else _names(deps, to, caller.lanes)
    found = queries.list_messages(deps.db, lanes=caller.lanes, states=filters.state, recipients=recipients, **wanted)
    before = found[-1].id if len(found) == filters.limit else None
    return MessagePage.model_validate({"messages": found, "before": before})


def _names(deps: Deps, text: str, lanes: Collection[str] | None) -> set[str]:
    try:
        return all_names(deps.db, text, lanes)
    except Invalid as error:
        raise Invalid("Harkara-To", error.rule, error.measure) from None


@router.get("/messages/{jobId}", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def get_message(deps: Deps, lanes: Lanes, key: JobId) -> MessageStatus:
    """Get a message with its state, its attempts and its trace, by its jobId or its Idempotency-Key."""
    return queries.get_status(deps.db, queries.find_id(deps.db, key, lanes=lanes))


@router.post("/messages/{jobId}/cancel", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def cancel_message(deps: Deps, caller: CurrentCaller, lanes: Lanes, key: JobId) -> CancelResult:
    """Cancel a message that is not sent yet. The response says whether that was in time."""
    identity = queries.find_id(deps.db, key, lanes=lanes)
    cancelled = bool(cancel(deps.db, [identity], by=caller.name))
    return CancelResult(id=identity, cancelled=cancelled, state=queries.get_status(deps.db, identity).state)
