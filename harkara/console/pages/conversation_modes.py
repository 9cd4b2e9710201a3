"""Who answers a conversation, and the drafts of the assistant: take over, give back, send a draft, discard it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from harkara.console.chat_page import person_of, render_chat
from harkara.console.forms import Form, FormFields
from harkara.console.visitors import Operator, SignedIn
from harkara.errors import Conflict, Invalid
from harkara.ledger.conversations import modes
from harkara.ledger.conversations.drafts import discard_draft
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.proposals import list_proposals

router = APIRouter()

_RECENT = 20
"""Turns among which a refused draft is searched, the newest ones."""


@router.post("/conversations/{contact}/assign")
def assign(visitor: Operator, _form: Form, contact: str) -> Response:
    """Let a person answer, for the time that config/assistant.toml names."""
    hold = visitor.console.assistant.give_back
    modes.assign_to_person(visitor.console.db, person_of(visitor, contact), by=visitor.actor, hold=hold)
    return visitor.redirect(f"/conversations/{contact}?done=conversation.assigned")


@router.post("/conversations/{contact}/give-back")
def give_back(visitor: Operator, _form: Form, contact: str) -> Response:
    modes.give_back(visitor.console.db, person_of(visitor, contact), by=visitor.actor)
    return visitor.redirect(f"/conversations/{contact}?done=conversation.given-back")


@router.post("/conversations/{contact}/off")
def switch_off(visitor: Operator, _form: Form, contact: str) -> Response:
    modes.switch_off(visitor.console.db, person_of(visitor, contact), by=visitor.actor)
    return visitor.redirect(f"/conversations/{contact}?done=conversation.switched-off")


@router.post("/conversations/{contact}/draft/send")
def send(visitor: Operator, form: Form, contact: str) -> Response:
    """Send the draft with the words of the form. One for an older revision is refused, and the new one is shown."""
    person, texts = person_of(visitor, contact), _texts(form)
    console = visitor.console
    try:
        console.backend.send_draft(form["draft"], person, console.assistant, by=visitor.actor, texts=texts)
    except Invalid as error:
        return render_chat(visitor, person, 400, error=error, draft_texts=texts)
    except Conflict as error:
        return render_chat(visitor, person, 409, error=error, unsent=_own_words(visitor, person, form["draft"], texts))
    return visitor.redirect(f"/conversations/{contact}?done=turn.approved")


@router.post("/conversations/{contact}/draft/discard")
def discard(visitor: Operator, form: Form, contact: str) -> Response:
    person = person_of(visitor, contact)
    try:
        discard_draft(visitor.console.db, form["draft"], by=visitor.actor, of=person)
    except Conflict as error:
        return render_chat(visitor, person, 409, error=error)
    return visitor.redirect(f"/conversations/{contact}?done=turn.discarded")


def _texts(form: FormFields) -> list[str]:
    """Return the messages of the form; an empty field is none."""
    texts = (each.replace("\r\n", "\n").strip() for each in form.all("text"))
    return [each for each in texts if each]


def _own_words(visitor: SignedIn, person: Participant, draft: str, texts: list[str]) -> str:
    """Return what the person wrote into a draft that was not sent, so that it is not lost."""
    recent = list_proposals(visitor.console.db, person, limit=_RECENT)
    edited = any(turn.id == draft and list(turn.texts) != texts for turn in recent)
    return "\n\n".join(texts) if edited else ""
