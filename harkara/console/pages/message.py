"""Message: how one looks on a phone, what happened to it, and what happens next."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.console.bubbles import STATES, bubbles_of_request
from harkara.console.forms import Form, printable
from harkara.console.message_reasons import ACT_LABELS
from harkara.console.visitors import SignedIn, Viewer
from harkara.ledger.messages.content import get_content, show_number
from harkara.ledger.messages.queries import find_id, get_status
from harkara.message_selection import Act
from harkara.message_status import MessageStatus
from harkara.states import DONE, Action, State, allowed_from

router = APIRouter()

_CANCELLABLE = allowed_from(State.CANCELLED, by=Action.CANCEL)


@router.get("/messages/{key}")
def message_page(visitor: Viewer, key: str) -> Response:
    """Show a message. The page asks for its live part, which is a part of itself, every 10 seconds."""
    return _page(visitor, find_message(visitor, key))


@router.post("/messages/{key}/number")
def reveal(visitor: Viewer, _form: Form, key: str) -> Response:
    """Show the number to a viewer, which is an act of the log."""
    identity = find_message(visitor, key)
    return _page(visitor, identity, number=show_number(visitor.console.db, identity, by=visitor.actor))


def find_message(visitor: SignedIn, key: str) -> str:
    """Return the id of a message in the lanes of the user. Raises NotFound."""
    return find_id(visitor.console.db, printable(key), lanes=visitor.user.lanes)


def _page(visitor: SignedIn, identity: str, *, number: str | None = None) -> Response:
    console = visitor.console
    found = get_status(console.db, identity, console.lanes)
    content = get_content(console.db, identity, console.lanes)
    return visitor.page(
        "message.html",
        message=found,
        bubbles=bubbles_of_request(content.body, console.catalogue, category=found.category),
        recipient=content.recipient,
        revealed=number is not None,
        number=content.recipient if visitor.may_decide else number,
        next=content.next,
        is_final=found.state in DONE,
        acts=[(act, ACT_LABELS[act]) for act in _acts(found)] if visitor.may_decide else [],
        states=STATES,
    )


def _acts(found: MessageStatus) -> Iterator[Act]:
    """Yield what may be decided about the message now."""
    parked = found.state == State.WAITING and found.due_at >= found.expires_at
    if found.state == State.UNCERTAIN or parked:
        yield from ("sent", "resend", "drop")
    elif found.state == State.FAILED and found.category != "authentication" and found.occasion is None:
        yield "resend"
    elif found.state in _CANCELLABLE:
        yield "cancel"
