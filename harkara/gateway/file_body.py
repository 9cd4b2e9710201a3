"""Receive a file: the body of a request, or a part of a multipart form, written to disk as it comes."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from harkara.errors import Invalid
from harkara.gateway.body import too_large

MULTIPART: Final = "multipart/form-data"

_MAX_FIELDS = 30
_MAX_FIELD_BYTES = 64 * 1024
_MAX_OVERHEAD = 256 * 1024
"""Bytes of a form besides its file."""

_ADVICE: Final = "divide the file into several, each with the header"


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A file at `path`, the name that the client gave it, and the other fields of its form."""

    path: Path
    name: str
    fields: dict[str, str] = field(default_factory=dict, repr=False)


def is_multipart(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith(MULTIPART)


async def receive_file(request: Request, path: Path, limit: int) -> ReceivedFile:
    """Write the file of a request to `path`: the part `file` of a multipart form, or the body itself.

    The body never is in memory as a whole. Raises HTTPException 413, and reads no further, if the body has more than
    `limit` bytes; Invalid for a form that cannot be read or has no file.
    """
    if not is_multipart(request):
        await _write(path, _limited(request, limit))
        return ReceivedFile(path, request.query_params.get("file", ""))
    parser = MultiPartParser(
        request.headers,
        _limited(request, limit + _MAX_OVERHEAD),
        max_files=1,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise Invalid("body", f"is no valid multipart form: {error.message}") from None
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid("file", "is missing: the form must have a part `file` with a file name")
        if (file.size or 0) > limit:
            raise too_large(limit, _ADVICE)
        await asyncio.to_thread(_copy, file, path)
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        return ReceivedFile(path, file.filename or "", fields)
    finally:
        await form.close()


async def _limited(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 12 or int(length) > limit):
        raise too_large(limit, _ADVICE)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise too_large(limit, _ADVICE)
        yield chunk


async def _write(path: Path, chunks: AsyncGenerator[bytes, None]) -> None:
    with path.open("wb") as file:
        async for chunk in chunks:
            file.write(chunk)  # into the page cache: a thread for each chunk would take longer


def _copy(file: UploadFile, path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(file.file, target, 1 << 20)
