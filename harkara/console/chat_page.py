"""The page of one conversation: the chat in both directions, who answers, the draft that waits, and the composer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Final, NamedTuple
from urllib.parse import urlencode

from fastapi import HTTPException
from fastapi.responses import Response
from uuid_utils import uuid7

from harkara.catalogue import Kind
from harkara.chatmitra.webhooks import parse
from harkara.console.assistant_view import CAUSES, assistant_view, bubbles_of_proposal
from harkara.console.bubbles import MessageBubble, bubble_of_kind, bubble_of_received, bubbles_of_request
from harkara.console.bubbles.sent import SECRET
from harkara.console.errors import sentence
from harkara.console.forms import FormFields, printable
from harkara.console.languages import N_
from harkara.console.visitors import SignedIn
from harkara.conversation import Chat, ChatEntry, ProposedAnswer
from harkara.errors import Conflict, HarkaraError, NotFound
from harkara.ledger.contacts.queries import ConsentProof, list_contacts
from harkara.ledger.conversations.chat import MOST_READ, get_chat
from harkara.ledger.conversations.people import Participant, find_participant
from harkara.ledger.conversations.proposals import list_proposals

ROWS = 50
LONGEST = 4096

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


class ChatLine(NamedTuple):
    """An entry of the chat, or an answer that the assistant would have sent, with the bubbles that show it.

    A choice has no bubbles. `turn` is that of an answer of the assistant.
    """

    at: datetime
    entry: ChatEntry | None
    bubbles: Sequence[MessageBubble]
    turn: ProposedAnswer | None = None


def render_chat(
    visitor: SignedIn,
    person: Participant,
    status: int = 200,
    *,
    before: datetime | None = None,
    template: str = "",
    form: FormFields | None = None,
    error: HarkaraError | None = None,
    draft_texts: Sequence[str] | None = None,
    unsent: str = "",
    shown_draft: str | None = None,
) -> Response:
    """Return the page, with what a refused `form` had.

    `draft_texts` are the words of a refused form for the draft, and `unsent` those that are offered as a reply. They
    are kept on the page if no reply is possible any more.
    `shown_draft` is the id of the draft on the page that asks for the newest part, empty for none.
    """
    db, catalogue = visitor.console.db, visitor.console.catalogue
    chat = get_chat(db, person, parse, before=before, limit=ROWS)
    kinds = {name: kind for name, kind in catalogue.kind.items() if is_offered(kind, person)}
    kind = kinds.get(template)
    now = db.now()
    words = unsent or (form["text"] if form else "")
    return visitor.page(
        "conversation.html",
        status,
        conversation=chat.conversation,
        days=list(_days(visitor, _lines(visitor, person, chat, before))),
        waiting=[_line(visitor, entry) for entry in chat.waiting],
        before=before,
        cut=MOST_READ if chat.cut else None,
        earlier=urlencode({"before": chat.before.isoformat()}) if chat.before else "",
        now=now,
        answers=ANSWERS,
        choices=CHOICES,
        sources=SOURCES,
        causes=CAUSES,
        assistant=assistant_view(visitor, person, chat.conversation, draft_texts, shown_draft),
        proofs=_proofs(visitor, person),
        objection=person.state.objection("utility" if person.window_ends_at(now) is None else "reply"),
        kinds=kinds,
        kind=kind,
        kind_name=template if kind else "",
        preview=_preview(kind, form),
        formats=catalogue.parameter,
        form=form,
        unsent=words,
        kept=words or "\n\n".join(draft_texts or ()),
        problem=_sentence(visitor, error),
        longest=LONGEST,
        reference=f"console-{uuid7().hex}",
    )


def person_of(visitor: SignedIn, contact: str) -> Participant:
    """Return the person of a path. Raises HTTPException for a number, which is in no address, and NotFound."""
    if not contact.startswith("person_"):
        raise HTTPException(404)
    return find_participant(visitor.console.db, printable(contact), visitor.lanes)


def is_offered(kind: Kind, person: Participant) -> bool:
    """Return whether a template may be sent from here: codes are for programs, and marketing needs an agreement."""
    return kind.category == "utility" or (kind.category == "marketing" and person.state.agreed_at is not None)


def _preview(kind: Kind | None, form: FormFields | None) -> MessageBubble | None:
    if kind is None:
        return None
    return bubble_of_kind(kind, {each: form[each] for each in kind.parameters} if form else {})


def _sentence(visitor: SignedIn, error: HarkaraError | None) -> str | None:
    if isinstance(error, Conflict) and "reference" in str(error):
        return visitor.language.texts.gettext(_ALREADY_SENT)
    return sentence(error, visitor.language) if error else None


def _lines(visitor: SignedIn, person: Participant, chat: Chat, before: datetime | None) -> list[ChatLine]:
    """Return what was said, and what the assistant would have said where its answers are only recorded."""
    since = chat.entries[0].at if chat.entries else None
    turns = list_proposals(visitor.console.db, person, since=since, before=before, limit=ROWS)
    of_message = {turn.message: turn for turn in turns if turn.message}
    lines = [_line(visitor, entry, of_message.get(entry.id or "")) for entry in chat.entries]
    shadow = [turn for turn in turns if turn.outcome == "shadow" and (turn.texts or turn.hand_over)]
    lines += [ChatLine(turn.at, None, bubbles_of_proposal(turn), turn) for turn in shadow]
    return sorted(lines, key=lambda line: line.at)


def _days(visitor: SignedIn, lines: Sequence[ChatLine]) -> Iterator[tuple[date, list[ChatLine]]]:
    def day_of(line: ChatLine) -> date:
        return line.at.astimezone(visitor.console.zone).date()

    for day, those in groupby(lines, key=day_of):
        yield day, list(those)


def _line(visitor: SignedIn, entry: ChatEntry, turn: ProposedAnswer | None = None) -> ChatLine:
    return ChatLine(entry.at, entry, _bubbles(visitor, entry), turn)


def _bubbles(visitor: SignedIn, entry: ChatEntry) -> Sequence[MessageBubble]:
    match entry.direction:
        case "received":
            return [bubble_of_received(entry.kind, entry.content or {}, entry.text)]
        case "consent":
            return []
    if entry.category == "authentication":
        return [MessageBubble(note=SECRET)]
    if entry.is_typed:
        return [bubble_of_received(entry.kind, {}, entry.text)]
    body = None if entry.content is None else json.dumps(entry.content)
    return bubbles_of_request(body, visitor.console.catalogue, category=entry.category or "")


def _proofs(visitor: SignedIn, person: Participant) -> list[ConsentProof]:
    """Return the newest proofs of consent, under all names."""
    try:
        found = list_contacts(visitor.console.db, person.names[0], person.lane)
    except NotFound:
        return []
    return list(reversed([proof for record in found for proof in record.proofs]))[:ROWS]
