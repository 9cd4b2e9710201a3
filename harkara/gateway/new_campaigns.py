"""Routes that read the file of an audience: create a campaign, rehearse it, and list the rejected rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from harkara.campaigns.rejects import COLUMNS, reject_rows
from harkara.errors import Invalid
from harkara.gateway.authentication import CurrentCaller, LaneName
from harkara.gateway.body import MAX_BYTES as MAX_JSON
from harkara.gateway.body import body_schema, read_body, read_json
from harkara.gateway.callers import Caller
from harkara.gateway.csv_response import csv_response
from harkara.gateway.dependencies import Dependencies, Deps, reading
from harkara.gateway.errors import error_responses
from harkara.gateway.file_body import ReceivedFile, is_multipart, receive_file
from harkara.gateway.schemas.campaigns import (
    CampaignForecast,
    CreatedCampaign,
    NewCampaign,
    RehearseCampaign,
    RehearsedUpload,
    RejectedRows,
)
from harkara.ledger.campaigns import queries
from harkara.ledger.campaigns.create import create_campaign as create
from harkara.ledger.campaigns.rehearse import rehearse_file
from harkara.ledger.campaigns.uploads import MAX_BYTES, get_upload, opened_upload, store_upload, temporary_file
from harkara.ledger.users.acts import Actor
from harkara.messages.model import StrictModel

router = APIRouter(tags=["Campaigns"], prefix="/campaigns")

_ERRORS = error_responses(400, 401, 403, 404, 409, 413, 429, 503)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The fields of the request, and the file if it came with them."""

    fields: dict[str, Any]
    file: ReceivedFile | None = None


async def _asked(_caller: CurrentCaller, request: Request) -> AsyncIterator[_Asked]:
    if not is_multipart(request):
        yield _Asked(read_json(await read_body(request, MAX_JSON)))
        return
    with temporary_file() as path:
        file = await receive_file(request, path, MAX_BYTES)
        yield _Asked(read_json(file.fields.get("campaign", "").encode(errors="surrogatepass")), file)


Asked = Annotated[_Asked, Depends(_asked)]


def _schema(model: type[StrictModel]) -> dict[str, Any]:
    described = body_schema(model)
    form = {
        "type": "object",
        "required": ["file", "campaign"],
        "properties": {
            "file": {"type": "string", "format": "binary"},
            "campaign": {"type": "string", "description": "The same JSON object, without `upload`"},
        },
    }
    described["requestBody"]["content"]["multipart/form-data"] = {"schema": form}
    return described


@router.post("", status_code=201, responses=_ERRORS, openapi_extra=_schema(NewCampaign))
def create_campaign(deps: Deps, caller: CurrentCaller, lane: LaneName, asked: Asked) -> CreatedCampaign:
    """Create a campaign from an upload, or from the file of a form. Nothing is sent before its start."""
    wanted = NewCampaign.read(asked.fields)
    with reading(deps), _file(deps, caller, lane, wanted, asked) as (identity, source, path):
        plan, _, rejects = create(
            deps.db, wanted.to_request(lane, source), deps.campaigns(), path, actor=Actor(caller.name, "api")
        )
    progress = queries.get_progress(deps.db, plan.id)
    return CreatedCampaign(campaign=progress, upload=identity, rows=RejectedRows.of(rejects))


@router.post("/rehearse", responses=_ERRORS, openapi_extra=_schema(RehearseCampaign))
def rehearse_upload(deps: Deps, caller: CurrentCaller, lane: LaneName, asked: Asked) -> RehearsedUpload:
    """Forecast end and cost of a campaign that is not created, and count the rows that it would reject."""
    wanted = RehearseCampaign.read(asked.fields)
    with reading(deps), _file(deps, caller, lane, wanted, asked) as (_, source, path):
        at = wanted.at or datetime.now(UTC)
        found, rejects = rehearse_file(deps.db, wanted.to_request(lane, source), deps.campaigns(), path, at)
    return RehearsedUpload(forecast=CampaignForecast.of(found), rows=RejectedRows.of(rejects))


@router.post(
    "/rejects",
    responses={**_ERRORS, 200: {"content": {"text/csv": {}}, "description": "row, column, code, rule"}},
    openapi_extra=_schema(RehearseCampaign),
    response_class=Response,
)
def list_rejects(deps: Deps, caller: CurrentCaller, lane: LaneName, asked: Asked) -> Response:
    """Return the rows that a campaign would reject as CSV, the first 10,000. It repeats nothing of their content."""
    wanted = RehearseCampaign.read(asked.fields)
    with reading(deps), _file(deps, caller, lane, wanted, asked) as (_, source, path):
        at = wanted.at or datetime.now(UTC)
        _, rejects = rehearse_file(deps.db, wanted.to_request(lane, source), deps.campaigns(), path, at)
    return csv_response(COLUMNS, reject_rows(rejects))


@contextmanager
def _file(
    deps: Dependencies, caller: Caller, lane: str, wanted: NewCampaign, asked: _Asked
) -> Iterator[tuple[str, str, Path]]:
    """Give the id of the upload, the name of the file, and its path. A file of a form becomes an upload."""
    if asked.file is not None:
        if wanted.upload is not None:
            raise Invalid("upload", "must not be given together with a file")
        stored = store_upload(deps.db, asked.file.path, asked.file.name, lane)
        yield stored.id, stored.name, asked.file.path
        return
    if wanted.upload is None:
        raise Invalid("upload", "is missing: give the id that POST /uploads returned")
    found = get_upload(deps.db, wanted.upload, lanes=caller.lanes)
    with opened_upload(deps.db, found.id, lanes=caller.lanes) as path:
        yield found.id, found.name, path
