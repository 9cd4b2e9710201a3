"""Read the body of a request, up to a limit."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, NoReturn

from fastapi import Depends, HTTPException, Request
from pydantic import BaseModel

from harkara.errors import Invalid
from harkara.gateway.authentication import CurrentCaller

MAX_BYTES = 256 * 1024
"""The limit of every body but a webhook's."""


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character beyond U+FFFF. Many programs write each of both halves so."""


async def read_body(request: Request, limit: int) -> bytes:
    """Return the body. Raises HTTPException 413, and reads no further, if it has more than `limit` bytes.

    FastAPI's own limit would answer a request without a token in plain text.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 12 or int(length) > limit):
        raise too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


def too_large(limit: int, advice: str = "shorten its texts, or send several requests") -> HTTPException:
    """Return the refusal of a body that has more than `limit` bytes, with what to do instead."""
    return HTTPException(413, f"the body may have at most {limit:,} bytes; {advice}", {"Connection": "close"})


async def _body(_caller: CurrentCaller, request: Request) -> bytes:
    return await read_body(request, MAX_BYTES)


Body = Annotated[bytes, Depends(_body)]
"""The body of an authenticated request. Its content type is ignored: clients of Chat Mitra send several, or none."""


def read_json(body: bytes, *, required: bool = True) -> dict[str, Any]:
    """Parse a body that is a JSON object. Raises Invalid.

    An empty body is an empty object unless it is `required`.
    """
    if not body.strip() and not required:
        return {}
    try:
        text = body.decode(json.detect_encoding(body))
        found = json.loads(text, parse_constant=_refuse_constant)
        whole = not _SURROGATE.search(text) or _has_whole_characters(found)
    except (ValueError, RecursionError):
        raise Invalid("body", "must be a JSON object in UTF-8") from None
    if not isinstance(found, dict):
        raise Invalid("body", "must be a JSON object in UTF-8")
    if not whole:
        raise Invalid("body", "has half of a character, such as \\ud83d alone: a text was cut within it; send it whole")
    return found


def _has_whole_characters(found: object) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_constant(_name: str) -> NoReturn:
    """Python's parser accepts NaN and Infinity, which JSON does not have."""
    raise ValueError


def body_schema(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """Return the OpenAPI description of a body that the route parses with `read_json`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": required, "content": content}}
