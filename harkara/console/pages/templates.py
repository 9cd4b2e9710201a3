"""Templates: the kinds of the catalogue as a phone shows them, how their messages went, and a test of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from uuid_utils import uuid7

from harkara.catalogue import Kind
from harkara.console.bubbles import bubble_of_kind
from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields
from harkara.console.languages import MOST_COUNTED, N_
from harkara.console.visitors import Operator, SignedIn, Viewer
from harkara.errors import Conflict, HarkaraError, Invalid
from harkara.ledger.messages.template_use import TemplateUse, get_template_use
from harkara.ledger.users.acts import record_act
from harkara.messages import Envelope

PERIOD = timedelta(days=7)
MOST_IN_LIST = 300
"""Messages of each template of which the list says how they went."""

CATEGORIES: Final[Mapping[str, str]] = {
    "utility": N_("Utility"),
    "marketing": N_("Marketing"),
    "authentication": N_("One-time codes and security"),
}

_NOT_AGREED = N_("check this box if the owner of the number agreed to marketing")
_USED = N_("This test was sent already. Load the page again for another one.")

router = APIRouter()


@router.get("/templates")
def list_kinds(visitor: Viewer) -> Response:
    """Show every kind of the catalogue, with the use of its approved name."""
    kinds = visitor.console.catalogue.kind
    return visitor.page(
        "templates.html",
        categories={label: _of_category(kinds, category) for category, label in CATEGORIES.items()},
        bubbles={name: bubble_of_kind(kind) for name, kind in kinds.items()},
        use=_use(visitor, {kind.name for kind in kinds.values()}, MOST_IN_LIST),
        most=MOST_IN_LIST,
    )


@router.get("/templates/{name}")
def show_kind(visitor: Viewer, name: str, sent: str = "") -> Response:
    """Show one kind with its parameters, its use and, after a test, the message that was `sent`."""
    return _page(visitor, name, sent=sent)


@router.post("/templates/{name}/test")
def send_test(visitor: Operator, form: Form, name: str) -> Response:
    """Send a message of this kind, as applications and `harkara send --kind` do."""
    kind = _kind(visitor, name)
    try:
        envelope = _envelope(visitor, form, name, kind)
        with visitor.console.db.write() as tx:
            record_act(tx, visitor.actor, "template.tested", name, filter=f"to {envelope.to}", number=1)
        (receipt,) = visitor.console.backend.enqueue([envelope])
        if isinstance(receipt, HarkaraError):
            raise receipt
        if not receipt.new:
            raise Conflict(_USED)
    except (Invalid, Conflict) as error:
        return _page(visitor, name, 400, form=form, error=error)
    return visitor.redirect(f"/templates/{name}?done=template.tested&sent={receipt.id}")


def _page(
    visitor: SignedIn,
    name: str,
    status: int = 200,
    *,
    form: FormFields | None = None,
    error: Invalid | Conflict | None = None,
    sent: str = "",
) -> Response:
    kind = _kind(visitor, name)
    lanes = [lane for lane in visitor.console.lanes if visitor.user.may_use(lane)]
    given = {} if form is None or kind.category == "authentication" else {each: form[each] for each in kind.parameters}
    fields = {"to", "lane", "opted_in", *kind.parameters}
    field = error.field.removeprefix(f"{name}.") if isinstance(error, Invalid) else ""
    return visitor.page(
        "template.html",
        status,
        name=name,
        kind=kind,
        category=CATEGORIES[kind.category],
        bubble_of=bubble_of_kind(kind, given),
        formats=visitor.console.catalogue.parameter,
        use=_use(visitor, [kind.name], MOST_COUNTED)[kind.name],
        lanes=lanes,
        given=given | ({"to": form["to"], "lane": form["lane"], "opted_in": form["opted_in"]} if form else {}),
        wrong=field if field in fields else None,
        problem=_sentence(visitor, error, field if field in fields else ""),
        identity=f"job_{uuid7().hex}",
        sent=sent if sent.startswith("job_") else "",
    )


def _sentence(visitor: SignedIn, error: Invalid | Conflict | None, field: str) -> str | None:
    if isinstance(error, Invalid) and field:
        return visitor.language.texts.gettext(error.rule)
    return sentence(error, visitor.language) if error else None


def _envelope(visitor: SignedIn, form: FormFields, name: str, kind: Kind) -> Envelope:
    """Build the message. Its id comes with the page, so that a form that is sent twice sends one message."""
    if not visitor.user.may_use(form["lane"]) or form["lane"] not in visitor.console.lanes:
        raise HTTPException(403)
    if kind.category == "marketing" and not form["opted_in"]:
        raise Invalid("opted_in", _NOT_AGREED)
    values = {each: form[each].strip() for each in kind.parameters}
    message = visitor.console.catalogue.message(name, values, opted_in=True)
    envelope = Envelope(id=form["id"], to=form["to"], messages=[message], lane=form["lane"], producer="console")
    return kind.with_deadline(envelope)


def _kind(visitor: SignedIn, name: str) -> Kind:
    kind = visitor.console.catalogue.kind.get(name)
    if kind is None:
        raise HTTPException(404)
    return kind


def _use(visitor: SignedIn, names: Collection[str], most: int) -> dict[str, TemplateUse]:
    since = datetime.now(UTC) - PERIOD
    return get_template_use(visitor.console.db, names, since=since, most=most, lanes=visitor.user.lanes)


def _of_category(kinds: Mapping[str, Kind], category: str) -> dict[str, Kind]:
    return {name: kind for name, kind in kinds.items() if kind.category == category}
