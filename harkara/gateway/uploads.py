"""Routes for uploads: CSV files that campaigns are loaded from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request

from harkara.campaigns.sheet import examine
from harkara.gateway.authentication import CurrentCaller, LaneName
from harkara.gateway.dependencies import Deps
from harkara.gateway.errors import error_responses
from harkara.gateway.file_body import ReceivedFile, receive_file
from harkara.gateway.schemas.campaigns import UploadedFile
from harkara.gateway.schemas.fields import Word
from harkara.ledger.campaigns.uploads import (
    MAX_BYTES,
    delete_upload,
    get_upload,
    opened_upload,
    store_upload,
    temporary_file,
)

router = APIRouter(tags=["Campaigns"], prefix="/uploads")

Identity = Annotated[Word, Path(description="The id of the upload")]

_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_FORM: dict[str, Any] = {"type": "object", "required": ["file"], "properties": {"file": _BINARY}}
_BODY = {"content": {"text/csv": {"schema": _BINARY}, "multipart/form-data": {"schema": _FORM}}}


async def _file(_caller: CurrentCaller, request: Request) -> AsyncIterator[ReceivedFile]:
    with temporary_file() as path:
        yield await receive_file(request, path, MAX_BYTES)


@router.post(
    "",
    status_code=201,
    responses=error_responses(400, 401, 403, 413, 429, 503),
    openapi_extra={
        "requestBody": {"required": True, **_BODY},
        "parameters": [{"name": "file", "in": "query", "schema": {"type": "string"}, "description": "The file's name"}],
    },
)
def upload_file(
    deps: Deps, _caller: CurrentCaller, lane: LaneName, file: Annotated[ReceivedFile, Depends(_file)]
) -> UploadedFile:
    """Upload a CSV or an Excel file (.xlsx) of at most 50 MB, as the body or as the part `file` of a form.

    It is deleted after a day. Of an Excel file, the first visible sheet is stored, as CSV.
    """
    stored = store_upload(deps.db, file.path, file.name, lane)
    return UploadedFile(upload=stored, columns=examine(file.path).columns)


@router.get("/{identity}", responses=error_responses(400, 401, 404, 429, 503))
def show_upload(deps: Deps, caller: CurrentCaller, identity: Identity) -> UploadedFile:
    """Get an upload and the names of its columns."""
    found = get_upload(deps.db, identity, lanes=caller.lanes)
    with opened_upload(deps.db, identity, lanes=caller.lanes) as path:
        return UploadedFile(upload=found, columns=examine(path).columns)


@router.delete("/{identity}", status_code=204, responses=error_responses(400, 401, 404, 429, 503))
def remove_upload(deps: Deps, caller: CurrentCaller, identity: Identity) -> None:
    """Delete an upload before its day is over. Campaigns that were loaded from it stay."""
    delete_upload(deps.db, identity, lanes=caller.lanes)
