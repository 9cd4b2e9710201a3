"""Route parameters that authenticate the caller and choose the lanes of the request."""

from __future__ import annotations

import asyncio
import hmac
from math import ceil
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from harkara.gateway.callers import Caller
from harkara.gateway.dependencies import Dependencies, Deps
from harkara.gateway.failed_tokens import LONGEST_SECONDS

bearer = HTTPBearer(auto_error=False, description="A token of HARKARA_API_TOKENS")

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


async def authenticate(request: Request, deps: Dependencies) -> Caller:
    """Return the caller whose token the request has. Raises HTTPException 401 and 429."""
    return await _authenticate(request, deps, await bearer(request))


async def _authenticate(request: Request, deps: Deps, credentials: Credentials) -> Caller:
    if not deps.callers:
        raise _unauthorized("no caller is configured: set HARKARA_API_TOKENS to name:token")
    caller = deps.callers.find(_token(credentials))
    if caller is None:
        await _delay(request, deps)
        raise _unauthorized("no caller has this token")
    request.state.caller = caller.name
    if seconds := deps.callers.count_request(caller):
        raise HTTPException(429, "too many requests with this token", {"Retry-After": str(ceil(seconds))})
    return caller


async def check_metrics_token(
    request: Request,
    deps: Deps,
    credentials: Annotated[
        HTTPAuthorizationCredentials | None,
        Depends(HTTPBearer(auto_error=False, scheme_name="Metrics", description="HARKARA_METRICS_TOKEN, if it is set")),
    ],
) -> None:
    """Refuse a request without the metrics token, if the deployment has one."""
    wanted = deps.metrics_token
    if wanted is not None and not hmac.compare_digest(_token(credentials), wanted.encode()):
        await _delay(request, deps)
        raise _unauthorized("this is not the token of HARKARA_METRICS_TOKEN")


def _token(credentials: HTTPAuthorizationCredentials | None) -> bytes:
    if credentials is None:
        raise _unauthorized("the header Authorization must be Bearer and a token")
    return credentials.credentials.encode("latin-1", "replace")


async def _delay(request: Request, deps: Dependencies) -> None:
    """Wait before a wrong token is refused. The wait occupies no thread."""
    with deps.failed_tokens.count(request.client.host if request.client else "") as seconds:
        if seconds is None:
            headers = {"Retry-After": str(ceil(LONGEST_SECONDS)), "Connection": "close"}
            raise HTTPException(429, "too many wrong tokens from this address", headers)
        await asyncio.sleep(seconds)


def _unauthorized(message: str) -> HTTPException:
    return HTTPException(401, message, {"WWW-Authenticate": "Bearer"})


CurrentCaller = Annotated[Caller, Depends(_authenticate)]
"""The caller whose token the request has."""

LANE = "Harkara-Lane"
LANE_DESCRIPTION = "The lane (Chat Mitra account); one that the token may use"

LaneHeader = Annotated[str | None, Header(alias=LANE, description=LANE_DESCRIPTION)]


def allowed_lanes(caller: Caller, lane: str | None) -> tuple[str, ...]:
    """Return the lane that a request names, otherwise all lanes of the token. Raises HTTPException 403."""
    if lane is None:
        return caller.lanes
    if lane not in caller.lanes:
        raise HTTPException(403, f"{LANE}: this token may not use the lane")
    return (lane,)


async def _lanes(caller: CurrentCaller, lane: LaneHeader = None) -> tuple[str, ...]:
    return allowed_lanes(caller, lane)


Lanes = Annotated[tuple[str, ...], Depends(_lanes)]
"""The lane that the request names, otherwise all lanes of the token."""


async def _lane(lanes: Lanes) -> str:
    return lanes[0]


LaneName = Annotated[str, Depends(_lane)]
"""The lane that the request names, otherwise the first lane of the token."""
