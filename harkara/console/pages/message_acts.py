"""Acts on messages: a page that shows exactly what would be done, and the act on that set alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from harkara.console.errors import sentence
from harkara.console.forms import Form
from harkara.console.languages import N_
from harkara.console.message_filter import LABELS, FilterFields
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Conflict, Invalid
from harkara.ledger.messages.content import list_recipients
from harkara.ledger.messages.selections import KINDS, perform, preview
from harkara.message_selection import Act, Progress, SelectionPreview, delay_seconds
from harkara.messages.template import TemplateCategory
from harkara.money.amounts import from_micros

router = APIRouter()

TITLES: Mapping[Act, str] = {
    "cancel": N_("Cancel messages"),
    "resend": N_("Send messages once more"),
    "sent": N_("Note messages as arrived"),
    "drop": N_("Do not send messages again"),
}

_CHANGED = N_(
    "Nothing was done, since these messages have changed meanwhile. Below is what fits now. "
    "If they are being sent right now, park the lane or pause the campaign first."
)

_HOME = "91"
"""The calling code for the cost: a preview does not read each number."""


@router.get("/messages/preview")
def preview_page(visitor: Operator, act: str = "") -> Response:
    return _page(visitor, FilterFields.of(visitor.request.query_params.multi_items()), _act(act))


@router.post("/messages/act")
def do(visitor: Operator, form: Form) -> Response:
    """Do the act on exactly the set of the preview; if the set has changed, show the new one instead."""
    fields = FilterFields.of((name, value) for name in LABELS for value in form.all(name))
    act, console = _act(form["act"]), visitor.console
    wanted = fields.wanted(console.db, console.zone, visitor.user.lanes)
    steps = perform(console.db, wanted, act, form["set"], visitor.actor, deadlines=console.backend.deadlines)
    try:
        (last,) = deque(steps, maxlen=1) or [Progress(done=0, left=0, total=0)]
    except Conflict:
        return _page(visitor, fields, act, problem=visitor.language.texts.gettext(_CHANGED))
    done = (("done", KINDS[act]), ("number", str(last.done)), ("left", str(last.left)))
    if last.done and [name for name, _ in fields.pairs] == ["id"]:
        return visitor.redirect(f"/messages/{fields['id']}?done={KINDS[act]}")
    return visitor.redirect(f"/messages?{fields.query(*done)}")


def _page(visitor: SignedIn, fields: FilterFields, act: Act, *, problem: str | None = None) -> Response:
    console = visitor.console
    shown: SelectionPreview | None = None
    try:
        shown = preview(console.db, fields.wanted(console.db, console.zone, visitor.user.lanes), act)
    except Invalid as error:
        problem = sentence(error, visitor.language)
    files = console.files()
    allowances = {name: lane.allowance for name, lane in files.lanes.items()}
    return visitor.page(
        "messages_act.html",
        409 if problem and shown else 400 if problem else 200,
        fields=fields,
        labels=LABELS,
        act=act,
        title=TITLES[act],
        shown=shown,
        numbers=list_recipients(console.db, [each.id for each in shown.examples]) if shown else {},
        delay=delay_seconds(shown, allowances) if shown else None,
        cost=_cost(visitor, shown) if shown and act == "resend" else None,
        currency=files.prices.currency,
        problem=problem,
    )


def _cost(visitor: SignedIn, shown: SelectionPreview) -> Decimal:
    """Return what the templates among the messages cost at most, at the rates of today for numbers of India."""
    rates = visitor.console.files().prices.on(datetime.now(UTC).astimezone(visitor.console.zone).date())
    numbers = [(category, shown.templates.get(category, 0)) for category in get_args(TemplateCategory)]
    return from_micros(sum(rates.cost(category, _HOME).times(number).total for category, number in numbers))


def _act(text: str) -> Act:
    if text not in get_args(Act):
        raise HTTPException(400)
    return text  # type: ignore[return-value]  # it is one of them
