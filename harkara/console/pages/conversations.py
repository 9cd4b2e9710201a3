"""Conversations: who wrote and waits for an answer, and the chat with one person."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from harkara.chatmitra.webhooks import parse
from harkara.console.chat_page import ROWS, is_offered, person_of, render_chat
from harkara.console.forms import Form, FormFields, printable
from harkara.console.languages import N_
from harkara.console.visitors import Operator, SignedIn, Viewer
from harkara.conversation import Conversation
from harkara.errors import Conflict, Invalid
from harkara.ledger.conversations import commands
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.queries import MOST_UNREAD, count_unread, cursor_of, list_conversations
from harkara.messages import Template, Text

PRODUCER = "console"

router = APIRouter()

Draft = Annotated[str | None, Query(max_length=40)]
"""The id of the draft that the page shows, empty for none; None when the page is loaded."""

_REVISION = re.compile(r"\d{1,18}", re.ASCII)

_INCOMPLETE = N_("This search needs a name, or a whole number with the country code.")


@router.get("/conversations")
def list_page(visitor: Viewer, show: str = "", before: str = "") -> Response:
    """Show the newest conversations, all or with something unread, or those before one of them."""
    return _list(visitor, unread=show == "unread", before=printable(before))


@router.post("/conversations")
def find(visitor: Viewer, form: Form) -> Response:
    """Search by number or name. It is in the form, since addresses of pages are kept in histories."""
    return _list(visitor, search=printable(form["search"])[:100], before=printable(form["before"]))


def _list(visitor: SignedIn, *, unread: bool = False, before: str = "", search: str = "") -> Response:
    db, lanes = visitor.console.db, visitor.lanes
    problem, rows = None, list[Conversation]()
    try:
        rows = list_conversations(db, lanes, parse, unread=unread, search=search, before=before or None, limit=ROWS + 1)
    except Invalid:
        if not search:
            raise
        problem = visitor.language.texts.gettext(_INCOMPLETE)
    shown = rows[:ROWS]
    return visitor.page(
        "conversations.html",
        400 if problem else 200,
        conversations=shown,
        number_unread=count_unread(db, lanes),
        most_unread=MOST_UNREAD,
        unread=unread,
        search=search,
        problem=problem,
        more=cursor_of(shown[-1]) if rows[ROWS:] else "",
        first=not before and not search,
        lanes=lanes,
        now=db.now(),
    )


@router.get("/conversations/{contact}")
def chat_page(visitor: Viewer, contact: str, before: str = "", template: str = "", draft: Draft = None) -> Response:
    """Show the newest part of a chat, or the one before a moment. The page asks for the newest part again and again."""
    person = person_of(visitor, contact)
    return render_chat(visitor, person, before=_moment(before), template=template, shown_draft=draft)


@router.post("/conversations/{contact}/reply")
def send_reply(visitor: Operator, form: Form, contact: str) -> Response:
    """Send a text or a template, as applications do. The page's own reference lets a form be sent once."""
    person = person_of(visitor, contact)
    try:
        commands.reply(
            visitor.console.db,
            visitor.console.backend.enqueue,
            person,
            _message(visitor, form, person),
            producer=PRODUCER,
            hold=visitor.console.assistant.give_back,
            reference=printable(form["reference"])[:200] or None,
            by=visitor.actor,
        )
    except (Invalid, Conflict) as error:
        return render_chat(visitor, person, status=400, form=form, error=error, template=form["template"])
    return visitor.redirect(f"/conversations/{contact}?done=conversation.replied")


@router.post("/conversations/{contact}/read")
def mark_read(visitor: Operator, form: Form, contact: str) -> Response:
    """Mark as read what the page has shown: what came meanwhile stays unread."""
    revision = int(form["revision"]) if _REVISION.fullmatch(form["revision"]) else None
    commands.mark_read(visitor.console.db, person_of(visitor, contact), revision, visitor.actor)
    if "HX-Request" in visitor.request.headers:
        return Response(status_code=204)
    return visitor.redirect(f"/conversations/{contact}")


@router.post("/conversations/{contact}/opt-out")
def opt_out(visitor: Operator, form: Form, contact: str) -> Response:
    """Record an opt-out, with who said so."""
    person = person_of(visitor, contact)
    if form["category"] not in ("everything", "marketing"):
        raise HTTPException(400)
    try:
        commands.opt_out(
            visitor.console.db,
            person,
            "marketing" if form["category"] == "marketing" else "everything",
            form["proof"],
            how="operator",
            by=visitor.actor,
        )
    except Invalid as error:
        return render_chat(visitor, person, status=400, form=form, error=error)
    return visitor.redirect(f"/conversations/{contact}?done=contact.opted-out")


def _message(visitor: SignedIn, form: FormFields, person: Participant) -> Text | Template:
    if not form["template"]:
        return Text(form["text"].replace("\r\n", "\n").strip())
    catalogue = visitor.console.catalogue
    kind = catalogue.find(form["template"])
    if not is_offered(kind, person):
        raise HTTPException(400)
    values = {each: form[each].strip() for each in kind.parameters}
    return catalogue.message(form["template"], values, opted_in=person.state.agreed_at is not None)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(400) from None
    if found.tzinfo is None:
        raise HTTPException(400)
    return found
