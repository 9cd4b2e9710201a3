"""Routes for messages: list, get, cancel."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query

from harkara.gateway.authentication import CurrentCaller, Lanes
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.header_text import HeaderText
from harkara.gateway.message_filter import message_filter
from harkara.gateway.schemas.fields import JobId
from harkara.gateway.schemas.messages import (
    CancelResult,
    MessageFilters,
    MessagePage,
)
from harkara.ledger.messages import listing, queries
from harkara.ledger.messages.commands import cancel
from harkara.ledger.messages.reasons import explain
from harkara.ledger.messages.search import MOST_COUNTED
from harkara.message_status import MessageStatus

router = APIRouter(tags=["Messages"])


@router.get("/messages", responses=error_responses(400, 401, 404, 429, 503))
def list_messages(
    deps: Deps,
    caller: CurrentCaller,
    filters: Annotated[MessageFilters, Query()],
    to: Annotated[
        HeaderText | None,
        Header(alias="Harkara-To", description="To this number; a header, because proxies write addresses to logs"),
    ] = None,
) -> MessagePage:
    """List the messages of the token's lanes that match every filter, newest first; with `why`, also their reasons."""
    wanted = message_filter(deps.db, caller, filters, to, "Harkara-To")
    found = listing.list_page(deps.db, wanted, before=filters.before, limit=filters.limit)
    page: dict[str, Any] = {"messages": found.messages, "before": found.before}
    if filters.count:
        number, exact = listing.count_messages(deps.db, wanted)
        page |= {"count": number, "count_is_exact": exact}
    if filters.why:
        zones = {name: hours.zone for name, hours in deps.plan.hours.items()}
        page["groups"] = explain(deps.db, wanted, zones, most=MOST_COUNTED)
    return MessagePage.model_validate(page)


@router.get("/messages/{jobId:name}", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def get_message(deps: Deps, lanes: Lanes, key: JobId) -> MessageStatus:
    """Get a message with its state, its attempts, its trace and its next step, by its jobId or its Idempotency-Key."""
    return queries.get_status(deps.db, queries.find_id(deps.db, key, lanes=lanes), deps.plan.hours)


@router.post("/messages/{jobId:name}/cancel", responses=error_responses(400, 401, 403, 404, 409, 429, 503))
def cancel_message(deps: Deps, caller: CurrentCaller, lanes: Lanes, key: JobId) -> CancelResult:
    """Cancel a message that is not sent yet. The response says whether that was in time."""
    identity = queries.find_id(deps.db, key, lanes=lanes)
    cancelled = bool(cancel(deps.db, [identity], by=caller.name))
    return CancelResult(id=identity, cancelled=cancelled, state=queries.get_status(deps.db, identity).state)
