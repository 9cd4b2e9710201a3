"""Conversations: who wrote and waits for an answer, and the chat with one person."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response
from uuid_utils import uuid7

from harkara.catalogue import Kind
from harkara.chatmitra.webhooks import parse
from harkara.console.bubbles import MessageBubble, bubble_of_kind, bubble_of_received, bubbles_of_request
from harkara.console.bubbles.sent import SECRET
from harkara.console.errors import sentence
from harkara.console.forms import Form, FormFields, printable
from harkara.console.languages import N_
from harkara.console.visitors import Operator, SignedIn, Viewer
from harkara.conversation import ChatEntry, Conversation
from harkara.errors import Conflict, HarkaraError, Invalid, NotFound
from harkara.ledger.contacts.queries import ConsentProof, list_contacts
from harkara.ledger.conversations import commands
from harkara.ledger.conversations.chat import get_chat
from harkara.ledger.conversations.people import Participant, find_participant
from harkara.ledger.conversations.queries import MOST_UNREAD, count_unread, cursor_of, list_conversations
from harkara.messages import Template, Text

ROWS = 50
LONGEST = 4096

PRODUCER = "console"

router = APIRouter()

ANSWERS: Final[Mapping[str, str]] = {
    "confirmed": N_("The customer confirmed."),
    "cancelled": N_("The customer cancelled."),
    "rescheduled": N_("The customer asks for another time."),
}
CHOICES: Final[Mapping[tuple[str, str | None], str]] = {
    ("opt-out", "everything"): N_("Opted out of all messages"),
    ("opt-out", "marketing"): N_("Opted out of marketing"),
    ("opt-in", "everything"): N_("Agreed to messages again"),
    ("opt-in", "marketing"): N_("Agreed to marketing"),
}
SOURCES: Final[Mapping[str | None, str]] = {
    "customer": N_("in WhatsApp"),
    "operator": N_("recorded by an operator"),
    "import": N_("from a file"),
    "application": N_("reported by the application"),
}

_ALREADY_SENT = N_("This reply was sent already. Load the page again for another one.")
_INCOMPLETE = N_("This search needs a name, or a whole number with the country code.")


class ChatLine(NamedTuple):
    """An entry of the chat with what the page shows of it; a choice has no bubbles."""

    entry: ChatEntry
    bubbles: Sequence[MessageBubble]


@router.get("/conversations")
def list_page(visitor: Viewer, show: str = "", before: str = "") -> Response:
    """Show the newest conversations, all or with something unread, or those before one of them."""
    return _list(visitor, unread=show == "unread", before=printable(before))


@router.post("/conversations")
def find(visitor: Viewer, form: Form) -> Response:
    """Search by number or name. It is in the form, since addresses of pages are kept in histories."""
    return _list(visitor, search=printable(form["search"])[:100])


def _list(visitor: SignedIn, *, unread: bool = False, before: str = "", search: str = "") -> Response:
    db, lanes = visitor.console.db, _lanes(visitor)
    problem, rows = None, list[Conversation]()
    try:
        rows = list_conversations(db, lanes, parse, unread=unread, search=search, before=before or None, limit=ROWS + 1)
    except Invalid:
        if not search:
            raise
        problem = visitor.language.texts.gettext(_INCOMPLETE)
    shown = rows[:ROWS]
    more = urlencode({"show": "unread" if unread else "", "before": cursor_of(shown[-1])}) if rows[ROWS:] else ""
    return visitor.page(
        "conversations.html",
        400 if problem else 200,
        conversations=shown,
        number_unread=count_unread(db, lanes),
        most_unread=MOST_UNREAD,
        unread=unread,
        search=search,
        problem=problem,
        more=more,
        first=not before and not search,
        lanes=lanes,
        now=db.now(),
    )


@router.get("/conversations/{contact}")
def chat_page(visitor: Viewer, contact: str, before: str = "", template: str = "") -> Response:
    """Show the newest part of a chat, or the one before a moment. The page asks for the newest part again and again."""
    return _chat(visitor, _person(visitor, contact), before=_moment(before), template=template)


@router.post("/conversations/{contact}/reply")
def send_reply(visitor: Operator, form: Form, contact: str) -> Response:
    """Send a text or a template, as applications do. The page's own reference lets a form be sent once."""
    person = _person(visitor, contact)
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
        return _chat(visitor, person, status=400, form=form, error=error, template=form["template"])
    return visitor.redirect(f"/conversations/{contact}?done=conversation.replied")


@router.post("/conversations/{contact}/read")
def mark_read(visitor: Operator, form: Form, contact: str) -> Response:
    """Mark as read what the page has shown: what came meanwhile stays unread."""
    revision = int(form["revision"]) if form["revision"].isascii() and form["revision"].isdecimal() else None
    commands.mark_read(visitor.console.db, _person(visitor, contact), revision, visitor.actor)
    if "HX-Request" in visitor.request.headers:
        return Response(status_code=204)
    return visitor.redirect(f"/conversations/{contact}")


@router.post("/conversations/{contact}/opt-out")
def opt_out(visitor: Operator, form: Form, contact: str) -> Response:
    """Record an opt-out, with who said so."""
    person = _person(visitor, contact)
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
        return _chat(visitor, person, status=400, form=form, error=error)
    return visitor.redirect(f"/conversations/{contact}?done=contact.opted-out")


def _chat(
    visitor: SignedIn,
    person: Participant,
    status: int = 200,
    *,
    before: datetime | None = None,
    template: str = "",
    form: FormFields | None = None,
    error: HarkaraError | None = None,
) -> Response:
    db, catalogue = visitor.console.db, visitor.console.catalogue
    chat = get_chat(db, person, parse, before=before, limit=ROWS)
    kinds = {name: kind for name, kind in catalogue.kind.items() if _is_offered(kind, person)}
    kind = kinds.get(template)
    now = db.now()
    return visitor.page(
        "conversation.html",
        status,
        conversation=chat.conversation,
        days=list(_days(visitor, chat.entries)),
        waiting=[_line(visitor, entry) for entry in chat.waiting],
        before=before,
        earlier=urlencode({"before": chat.before.isoformat()}) if chat.before else "",
        now=now,
        answers=ANSWERS,
        choices=CHOICES,
        sources=SOURCES,
        proofs=_proofs(visitor, person),
        objection=person.state.objection("utility" if person.window_ends_at(now) is None else "reply"),
        kinds=kinds,
        kind=kind,
        kind_name=template if kind else "",
        preview=_preview(kind, form),
        formats=catalogue.parameter,
        form=form,
        problem=_sentence(visitor, error),
        longest=LONGEST,
        reference=f"console-{uuid7().hex}",
    )


def _preview(kind: Kind | None, form: FormFields | None) -> MessageBubble | None:
    if kind is None:
        return None
    return bubble_of_kind(kind, {each: form[each] for each in kind.parameters} if form else {})


def _sentence(visitor: SignedIn, error: HarkaraError | None) -> str | None:
    if isinstance(error, Conflict) and "reference" in str(error):
        return visitor.language.texts.gettext(_ALREADY_SENT)
    return sentence(error, visitor.language) if error else None


def _message(visitor: SignedIn, form: FormFields, person: Participant) -> Text | Template:
    if not form["template"]:
        return Text(form["text"].replace("\r\n", "\n").strip())
    catalogue = visitor.console.catalogue
    kind = catalogue.find(form["template"])
    if not _is_offered(kind, person):
        raise HTTPException(400)
    values = {each: form[each].strip() for each in kind.parameters}
    return catalogue.message(form["template"], values, opted_in=person.state.agreed_at is not None)


def _is_offered(kind: Kind, person: Participant) -> bool:
    """Codes are for programs, and marketing is for those who agreed to it."""
    return kind.category == "utility" or (kind.category == "marketing" and person.state.agreed_at is not None)


def _days(visitor: SignedIn, entries: Sequence[ChatEntry]) -> Iterator[tuple[date, list[ChatLine]]]:
    def day_of(entry: ChatEntry) -> date:
        return entry.at.astimezone(visitor.console.zone).date()

    for day, those in groupby(entries, key=day_of):
        yield day, [_line(visitor, entry) for entry in those]


def _line(visitor: SignedIn, entry: ChatEntry) -> ChatLine:
    match entry.direction:
        case "received":
            return ChatLine(entry, [bubble_of_received(entry.kind, entry.content or {}, entry.text)])
        case "consent":
            return ChatLine(entry, [])
    if entry.category == "authentication":
        return ChatLine(entry, [MessageBubble(note=SECRET)])
    if entry.is_typed:
        return ChatLine(entry, [bubble_of_received(entry.kind, {}, entry.text)])
    body = None if entry.content is None else json.dumps(entry.content)
    return ChatLine(entry, bubbles_of_request(body, visitor.console.catalogue, category=entry.category or ""))


def _proofs(visitor: SignedIn, person: Participant) -> list[ConsentProof]:
    """Return the newest proofs of consent, under all names."""
    try:
        found = list_contacts(visitor.console.db, person.names[0], person.lane)
    except NotFound:
        return []
    return list(reversed([proof for record in found for proof in record.proofs]))[:ROWS]


def _person(visitor: SignedIn, contact: str) -> Participant:
    if not contact.startswith("person_"):
        raise HTTPException(404)
    return find_participant(visitor.console.db, printable(contact), _lanes(visitor))


def _lanes(visitor: SignedIn) -> list[str]:
    return [lane for lane in visitor.console.lanes if visitor.user.may_use(lane)]


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
