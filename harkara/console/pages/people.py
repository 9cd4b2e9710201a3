"""People: what the ledger knows about one person, for a person's request to see or to erase it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields, printable
from harkara.console.visitors import Admin, SignedIn
from harkara.errors import Conflict, Invalid, NotFound
from harkara.ledger.personal.export import export_person
from harkara.ledger.personal.find import count_own

router = APIRouter()

CONFIRMED = "erase"
"""What an admin types to erase a person."""


@router.get("/people")
def people(visitor: Admin) -> Response:
    return _page(visitor)


@router.post("/people")
def find(visitor: Admin, form: Form) -> Response:
    """Count what the ledger knows. The number is in the form, since addresses of pages are kept in histories."""
    return _found(visitor, form)


@router.post("/people/export")
def export(visitor: Admin, form: Form) -> Response:
    try:
        document = export_person(visitor.console.db, _number(form), by=visitor.actor)
    except (Invalid, NotFound) as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language))
    attachment = {"Content-Disposition": 'attachment; filename="person.json"'}
    return Response(_json(document), media_type="application/json", headers=attachment)


@router.post("/people/erase")
def erase(visitor: Admin, form: Form) -> Response:
    if form["confirmation"].strip().casefold() != CONFIRMED:
        return _found(visitor, form, 400, unconfirmed=True)
    try:
        receipt = visitor.console.erase(_number(form), visitor.actor)
    except (Invalid, Conflict) as error:
        return _found(visitor, form, 400, problem=sentence(error, visitor.language))
    return visitor.page("person_erased.html", receipt=receipt, file=_json(receipt))


def _found(
    visitor: SignedIn, form: FormFields, status: int = 200, *, problem: str | None = None, unconfirmed: bool = False
) -> Response:
    number = _number(form)
    try:
        counts = count_own(visitor.console.db, number)
    except Invalid as error:
        return _page(visitor, 400, problem=sentence(error, visitor.language))
    return _page(visitor, status, number, counts, problem=problem, unconfirmed=unconfirmed)


def _page(
    visitor: SignedIn,
    status: int = 200,
    number: str = "",
    counts: Mapping[str, int] | None = None,
    *,
    problem: str | None = None,
    unconfirmed: bool = False,
) -> Response:
    return visitor.page(
        "people.html",
        status,
        number=number,
        counts=counts,
        problem=problem,
        unconfirmed=unconfirmed,
        confirmed=CONFIRMED,
    )


def _number(form: FormFields) -> str:
    return printable(form["number"]).strip()


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
