"""Messages: find them, see why they do not go on, and open what helps."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.console.errors import sentence
from harkara.console.forms import Form, printable
from harkara.console.languages import MOST_COUNTED, N_
from harkara.console.message_filter import LABELS, FilterFields
from harkara.console.message_reasons import ACT_LABELS, reason_of
from harkara.console.visitors import SignedIn, Viewer
from harkara.errors import Invalid, NotFound
from harkara.ledger.messages.content import list_recipients
from harkara.ledger.messages.listing import MOST_READ, PageOfMessages, count_messages, list_page
from harkara.ledger.messages.named_filter import find_filter
from harkara.ledger.messages.reasons import explain
from harkara.ledger.messages.search import EVERY_MESSAGE, MessageFilter
from harkara.ledger.users.acts import ACTS
from harkara.message_selection import Act

ROWS = 50

router = APIRouter()

_NOT_FOUND = N_("No message has this number, reference or id.")


@router.get("/messages")
def show_messages(visitor: Viewer, before: str = "") -> Response:
    """Show the newest messages that match, or those before one of them."""
    return _page(visitor, FilterFields.of(visitor.request.query_params.multi_items()), printable(before))


@router.post("/messages/search")
def search(visitor: Viewer, form: Form) -> Response:
    """Redirect to the page of what was searched. The number is in the form, since addresses are kept in histories."""
    fields = FilterFields.of((name, value) for name in LABELS for value in form.all(name))
    text = printable(form["find"]).strip()
    if not text:
        return visitor.redirect(f"/messages?{fields.query()}")
    found = find_filter(visitor.console.db, text, visitor.user.lanes)
    if found is None:
        problem = visitor.language.texts.gettext(_NOT_FOUND)
        return _page(visitor, fields, problem=problem, find=text, status=404)
    return visitor.redirect(f"/messages?{fields.narrowed(id=(), reference=(), like=()).query(found)}")


@router.get("/messages/why")
def why(visitor: Viewer) -> Response:
    """Show how many messages match, and why they do not go on."""
    fields = FilterFields.of(visitor.request.query_params.multi_items())
    wanted = fields.wanted(visitor.console.db, visitor.console.zone, visitor.user.lanes)
    lanes = visitor.console.files().lanes
    zones = {name: lane.zone for name, lane in lanes.items()}
    groups = explain(visitor.console.db, wanted, zones, most=MOST_COUNTED)
    return visitor.page(
        "messages_why.html",
        fields=fields,
        counted=count_messages(visitor.console.db, wanted),
        reasons=[reason_of(fields, group) for group in groups],
        with_lane=len({group.lane for group in groups}) > 1,
    )


def _page(
    visitor: SignedIn,
    fields: FilterFields,
    before: str = "",
    *,
    problem: str | None = None,
    find: str = "",
    status: int = 200,
) -> Response:
    console = visitor.console
    wanted = EVERY_MESSAGE
    try:
        wanted = fields.wanted(console.db, console.zone, visitor.user.lanes)
    except (Invalid, NotFound) as error:
        problem, status = sentence(error, visitor.language), 400
    found = PageOfMessages([], None) if problem else list_page(console.db, wanted, before=before or None, limit=ROWS)
    return visitor.page(
        "messages.html",
        status,
        fields=fields,
        labels=LABELS,
        find=find,
        problem=problem,
        messages=found.messages,
        numbers=list_recipients(console.db, [each.id for each in found.messages]),
        next=found.before,
        searched=MOST_READ if found.cut else None,
        before=before,
        lanes=visitor.lanes,
        acts=_acts(visitor, wanted) if found.messages and fields else {},
        result=_result(visitor),
    )


def _acts(visitor: SignedIn, wanted: MessageFilter) -> dict[Act, str]:
    """Return what may be done with all messages that match."""
    if not visitor.may_decide or wanted.is_empty:
        return {}
    return ACT_LABELS


def _result(visitor: SignedIn) -> tuple[int, int] | None:
    """Return how many messages an act has changed, and how many it left alone."""
    given = visitor.request.query_params
    numbers = given.get("number", ""), given.get("left", "")
    if given.get("done") not in ACTS or not all(each.isdecimal() and len(each) < 9 for each in numbers):
        return None
    return int(numbers[0]), int(numbers[1])
