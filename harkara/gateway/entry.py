"""What a request has to pass before a route sees it: whose it is, for which lane, and how much it carries."""

from __future__ import annotations

import json
from math import ceil
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Header, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from harkara.errors import Invalid
from harkara.gateway.callers import Caller
from harkara.gateway.dependencies import Inside

MOST_BYTES = 256 * 1024
"""Of a body that has to be a message or less."""

_bearer = HTTPBearer(auto_error=False, description="A token of HARKARA_API_TOKENS")


async def _caller(
    request: Request, behind: Inside, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    if not behind.callers:
        raise _unknown("nobody may call yet: set HARKARA_API_TOKENS to name:token")
    if given is None:
        raise _unknown("the header Authorization must be Bearer and a token")
    caller = behind.callers.find(given.credentials.encode("latin-1", "replace"))
    if caller is None:
        raise _unknown("no caller has this token")
    request.state.caller = caller.name
    if seconds := behind.callers.wait(caller):
        raise HTTPException(429, "too many requests with this token", {"Retry-After": str(ceil(seconds))})
    return caller


def _unknown(why: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": "Bearer"})


Calling = Annotated[Caller, Depends(_caller)]
Named = Annotated[str | None, Header(alias="Harkara-Lane", description="Which account; one that the token may use")]


async def _lanes(caller: Calling, lane: Named = None) -> tuple[str, ...]:
    if lane is None:
        return caller.lanes
    if lane not in caller.lanes:
        raise HTTPException(403, "Harkara-Lane: this token may not use the lane")
    return (lane,)


Lanes = Annotated[tuple[str, ...], Depends(_lanes)]
"""The one that is named, else all that the token may use."""


async def _lane(lanes: Lanes) -> str:
    return lanes[0]


Lane = Annotated[str, Depends(_lane)]
"""The one that is named, else the token's first."""


async def take(request: Request, most: int) -> bytes:
    """The body, unless it has more than `most` bytes; then nothing more of it is read. Raises HTTPException.

    FastAPI's own bound would turn the answer to a stranger with a large body into plain text.
    """
    told = request.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > 12 or int(told) > most):
        raise _too_large(most)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> HTTPException:
    return HTTPException(413, f"the body may have at most {most:,} bytes", {"Connection": "close"})


async def _body(_caller: Calling, request: Request) -> bytes:
    """Whatever the content type says: Chat Mitra's callers send several, or none."""
    return await take(request, MOST_BYTES)


Body = Annotated[bytes, Depends(_body)]


def read_json(body: bytes, *, needed: bool = True) -> dict[str, Any]:
    """The object in a body; without one, an empty object unless it is `needed`. Raises Invalid."""
    if not body.strip() and not needed:
        return {}
    try:
        found = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Invalid("body", "must be a JSON object in UTF-8") from None
    if not isinstance(found, dict):
        raise Invalid("body", "must be a JSON object in UTF-8")
    return found


def _no_number(_word: str) -> NoReturn:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError
