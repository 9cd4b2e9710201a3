"""A file that a form sends, after the check that the form came from this console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from harkara.console.forms import TOKEN
from harkara.console.visitors import Operator
from harkara.errors import Invalid
from harkara.gateway.file_body import ReceivedFile, is_multipart, receive_file
from harkara.ledger.campaigns.uploads import MAX_BYTES, temporary_file


async def _form_file(request: Request, visitor: Operator) -> AsyncIterator[ReceivedFile]:
    """Write the file to the disk as it comes. Nothing is read for a user who may not upload."""
    if not is_multipart(request):
        raise HTTPException(403, "form")
    with temporary_file() as path:
        file = await _receive(request, path)
        if not visitor.sent(file.fields.get(TOKEN, "")):
            raise HTTPException(403, "form")
        yield file


async def _receive(request: Request, path: Path) -> ReceivedFile:
    try:
        return await receive_file(request, path, MAX_BYTES)
    except HTTPException:
        raise Invalid("file", "may have at most 50 MB; divide it into several") from None


FormFile = Annotated[ReceivedFile, Depends(_form_file)]
"""The file of the form, as a parameter of a route that an operator may use."""
