"""A new campaign, step by step: the file, the message, the check. Then it is loaded, and its own pages go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.campaigns import Recipient, read_recipients
from harkara.campaigns.examples import Examples
from harkara.campaigns.rejects import COLUMNS, reject_rows
from harkara.campaigns.sheet import Sheet, examine
from harkara.console.bubbles import MessageBubble, bubble_of
from harkara.console.campaign_draft import AGREED, CampaignDraft
from harkara.console.errors import sentence
from harkara.console.form_file import FormFile
from harkara.console.forms import Form
from harkara.console.languages import N_
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Conflict, Invalid
from harkara.gateway.csv_response import csv_response
from harkara.ledger.campaigns.create import create_campaign, make_plan
from harkara.ledger.campaigns.rehearse import rehearse_file
from harkara.ledger.campaigns.uploads import MAX_BYTES, Upload, get_upload, opened_upload, store_upload

router = APIRouter()

LOOKED_AT = 2_000
"""Rows of the file from which the live bubbles are chosen; the check reads all of them."""

SHOWN_REJECTS = 10

REASONS = {
    "invalid-number": N_("The phone number is not valid."),
    "mangled-number": N_("A spreadsheet has changed the phone number."),
    "duplicate": N_("The phone number is in the list twice."),
    "missing-value": N_("A value is missing."),
    "error-value": N_("A value is the error of a spreadsheet."),
    "unfilled-placeholder": N_("A placeholder was not filled."),
    "too-many-columns": N_("The row has more cells than the header."),
    "broken-quotes": N_("A quote is out of place."),
    "above-header": N_("The row is above the header."),
    "invalid-value": N_("A value does not fit the template."),
    "opted-out": N_("The person does not want such messages."),
    "not-agreed": N_("No agreement to marketing is recorded."),
}
"""Why rows get no message, by the code of a Reject."""

_OF_FILES = (N_("is not a text file; open it in a spreadsheet and save it as CSV UTF-8"),)
"""What is wrong with a file, in words that `examine` puts together, for the catalogues."""

_NO_LANE = N_("You may use none of the lanes of this deployment. Ask an admin.")
_TAKEN = N_("There is a campaign of this name already: choose another one.")


@dataclass(frozen=True, slots=True)
class Example:
    """What the recipient of a row reads, or why the row gets no message."""

    row: int
    is_longest: bool
    bubble: MessageBubble | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    """A step after the upload: the file, and what is chosen so far."""

    upload: Upload
    path: Path
    sheet: Sheet
    draft: CampaignDraft


@router.get("/campaigns/new")
def file_page(visitor: Operator) -> Response:
    return _file_page(visitor)


@router.post("/campaigns/new")
def store_file(visitor: Operator, file: FormFile) -> Response:
    """Store the file, if it is a list of recipients."""
    lane = file.fields.get("lane")
    if lane not in _lanes(visitor):
        return _file_page(visitor, visitor.language.texts.gettext(_NO_LANE))
    try:
        upload = store_upload(visitor.console.db, file.path, file.name, lane)
    except Invalid as error:
        return _file_page(visitor, sentence(error, visitor.language))
    return visitor.redirect(f"/campaigns/new/{upload.id}")


@router.get("/campaigns/new/{upload}")
def message_page(visitor: Operator, upload: str) -> Response:
    """Ask for the template and where its values come from, with bubbles that follow each choice."""
    with _step(visitor, upload) as step:
        return _message_page(visitor, step)


@router.get("/campaigns/new/{upload}/check")
def check_page(visitor: Operator, upload: str, read: bool = False) -> Response:
    """Show what becomes of the rows. It takes seconds for a large file, so the page asks for it when it is shown."""
    with _step(visitor, upload) as step:
        try:
            values = _read(visitor, step) if read else _check(visitor, step)
        except Invalid as error:
            return _message_page(visitor, step, sentence(error, visitor.language))
        return visitor.page(
            "new_campaign_check.html", step=step, read=read, reasons=REASONS, shown=SHOWN_REJECTS, **values
        )


@router.get("/campaigns/new/{upload}/rejects.csv")
def rejects(visitor: Operator, upload: str) -> Response:
    """Return the rows that get no message, with the reasons, as a file for a spreadsheet."""
    with _step(visitor, upload) as step:
        found = _read(visitor, step)["rejects"]
    response = csv_response(COLUMNS, reject_rows(found))
    response.headers["Content-Disposition"] = 'attachment; filename="rejected-rows.csv"'
    return response


@router.post("/campaigns/new/{upload}/load")
def load_campaign(visitor: Operator, form: Form, upload: str) -> Response:
    """Create the campaign. Nothing is sent before it is started."""
    with _step(visitor, upload) as step:
        settings = visitor.console.campaigns()
        try:
            request = step.draft.request(step.upload)
            plan, _, _ = create_campaign(visitor.console.db, request, settings, step.path, actor=visitor.actor)
        except Invalid as error:
            return _message_page(visitor, step, sentence(error, visitor.language))
        except Conflict:
            return _message_page(visitor, step, visitor.language.texts.gettext(_TAKEN))
    return visitor.redirect(f"/campaigns/{plan.id}/try?done=campaign.created")


@contextmanager
def _step(visitor: SignedIn, key: str) -> Iterator[_Step]:
    db, lanes = visitor.console.db, visitor.user.lanes
    upload = get_upload(db, key, lanes=lanes)
    with opened_upload(db, key, lanes=lanes) as path:
        sheet = examine(path)
        catalogue = visitor.console.campaigns().catalogue
        name = upload.name.rpartition(".")[0] or upload.name
        yield _Step(upload, path, sheet, CampaignDraft.of(visitor.request.query_params, catalogue, sheet.columns, name))


def _file_page(visitor: SignedIn, problem: str | None = None) -> Response:
    status = 400 if problem else 200
    return visitor.page("new_campaign_file.html", status, lanes=_lanes(visitor), most=MAX_BYTES, problem=problem)


def _message_page(visitor: SignedIn, step: _Step, problem: str | None = None) -> Response:
    catalogue = visitor.console.campaigns().catalogue
    kind = catalogue.kind.get(step.draft.kind)
    examples, fault = _examples(visitor, step) if kind else ((), None)
    return visitor.page(
        "new_campaign_message.html",
        400 if problem else 200,
        step=step,
        kind=kind,
        kinds={name: each for name, each in catalogue.kind.items() if each.category != "authentication"},
        examples=examples,
        fault=fault,
        looked_at=LOOKED_AT,
        problem=problem,
    )


def _examples(visitor: SignedIn, step: _Step) -> tuple[Sequence[Example], str | None]:
    """Return examples of the messages, and what is still missing for them."""
    found = Examples[Recipient](lambda recipient: sum(map(len, recipient.values.values())))
    try:
        _exhaust(found.record(islice(read_recipients(step.path, step.draft.mapping()), LOOKED_AT)))
    except Invalid as error:
        return (), sentence(error, visitor.language)
    return [_example(visitor, step.draft.kind, *each) for each in found.chosen()], None


def _example(visitor: SignedIn, kind: str, recipient: Recipient, is_longest: bool) -> Example:
    catalogue = visitor.console.campaigns().catalogue
    try:
        message = catalogue.message(kind, recipient.values, opted_in=True)
    except Invalid as error:
        shown = Invalid(error.field.rpartition(".")[2], error.rule, error.measure)
        return Example(recipient.row, is_longest, problem=sentence(shown, visitor.language))
    return Example(recipient.row, is_longest, bubble_of(message, catalogue))


def _check(visitor: SignedIn, step: _Step) -> dict[str, Any]:
    """Check the choices alone. Raises Invalid."""
    if not step.draft.kind:
        raise Invalid("template", "choose one")
    settings = visitor.console.campaigns()
    kind = settings.catalogue.find(step.draft.kind)
    if kind.category == "marketing" and step.draft.agreed not in AGREED:
        raise Invalid("template", "is marketing: say who may get it")
    make_plan(step.draft.request(step.upload), settings)
    return {}


def _read(visitor: SignedIn, step: _Step) -> dict[str, Any]:
    """Read every row, as a load would. Raises Invalid."""
    _check(visitor, step)
    console = visitor.console
    request = step.draft.request(step.upload)
    found, rejects = rehearse_file(console.db, request, console.campaigns(), step.path, console.db.now())
    return {"forecast": found, "rejects": rejects}


def _lanes(visitor: SignedIn) -> list[str]:
    return [lane for lane in visitor.console.lanes if visitor.user.may_use(lane)]


def _exhaust(rows: Iterable[object]) -> None:
    deque(rows, maxlen=0)
