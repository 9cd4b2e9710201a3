"""The entries of a chat, from the rows of messages, events and consent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from harkara.conversation import ChatEntry
from harkara.inbound.events import Event, MessageReceived, StatusChanged
from harkara.ledger.contacts.queries import ConsentProof
from harkara.ledger.events.stored_event import StoredEvent
from harkara.ledger.tables import message
from harkara.states import UNSENT, State

Parse = Callable[[bytes, datetime], Sequence[Event]]
"""Returns the events in the body of a webhook that was received at this time."""

DASHBOARD = "dashboard"
"""The source of a message that staff typed in the provider's dashboard."""

_FIELDS = "id state code reason kind template category rule answer producer body due_at posted_at changed_at".split()
SENT = tuple(message.c[name] for name in _FIELDS)
"""The columns of `message` that `sent_entry` needs."""


def received_entry(stored: StoredEvent, parse: Parse) -> ChatEntry | None:
    """Return what a customer wrote, or staff in the provider's dashboard; None for another event or an erased one."""
    match parse((stored.body or "").encode(), stored.received_at):
        case [MessageReceived() as one]:
            return _received_entry(stored, one)
        case [StatusChanged(status="sent", text=str(text)) as typed]:
            return ChatEntry(
                direction="sent",
                at=min(typed.at, stored.received_at),
                id=f"event_{stored.id}",
                kind="text",
                text=text,
                state=State.SENT,
                source=DASHBOARD,
            )
    return None


def spoken_entries(stored: Sequence[StoredEvent], parse: Parse) -> list[ChatEntry]:
    """Return the same as the assistant reads them: with an empty text for a photo, and a tapped button's id as content.

    A message has the text to which it was edited, and a deleted one is left out. So is what has no meaning for the
    assistant: a reaction, a form for the application, a message in a group.
    """
    parsed = [(row, parse((row.body or "").encode(), row.received_at)) for row in stored]
    received = [one for _, found in parsed for one in found if isinstance(one, MessageReceived)]
    ids = {one.message_id for one in received if one.changes is None}
    changed: dict[str | None, str | None] = {
        one.changes: one.text for one in received if one.changes and one.changes in ids
    }
    entries: list[ChatEntry | None] = []
    for row, found in parsed:
        match found:
            case [MessageReceived(changes=about, message_id=own) as one]:
                text = changed.get(own, one.text) if about is None else one.text
                speaks = about not in changed and (text is not None or own not in changed)
                entries.append(_spoken_entry(row, one, text) if speaks else None)
            case _:
                entries.append(received_entry(row, parse))
    return [entry for entry in entries if entry]


def _spoken_entry(stored: StoredEvent, one: MessageReceived, text: str | None) -> ChatEntry | None:
    if one.in_group or not (text or one.needs_answer):
        return None
    return replace(_received_entry(stored, one), text=text or "", content={"payload": one.payload})


def _received_entry(stored: StoredEvent, one: MessageReceived) -> ChatEntry:
    return ChatEntry(
        direction="received",
        at=min(one.at, stored.received_at),
        id=f"event_{stored.id}",
        kind=one.kind,
        text=one.text,
        content=one.content.fields,
    )


def sent_entry(row: Mapping[str, Any]) -> ChatEntry:
    """Return one of our messages, with its request unless that has a one-time code."""
    state = State(row["state"])
    request = _request(row)
    return ChatEntry(
        direction="sent",
        at=row["due_at"] if state in UNSENT else row["posted_at"] or row["changed_at"],
        id=row["id"],
        kind=row["kind"],
        text=_words(request),
        content=request,
        state=state,
        code=row["code"],
        reason=row["reason"],
        template=row["template"],
        category=row["category"],
        rule=row["rule"],
        answer=row["answer"],
        source=row["producer"],
    )


def consent_entry(proof: ConsentProof) -> ChatEntry:
    """Return an opt-out or opt-in, with its proof."""
    return ChatEntry(
        direction="consent",
        at=proof.at,
        kind=proof.action,
        text=proof.proof,
        category=proof.category,
        source=proof.how,
    )


def _request(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if row["body"] is None or row["category"] == "authentication":
        return None
    request: dict[str, Any] = json.loads(row["body"])
    return request


def _words(request: Mapping[str, Any] | None) -> str | None:
    """Return the text or caption of a request, or the name of its template."""
    match request:
        case {"message": str(words)}:
            return words
        case {"messages": [{"kind": "template", "template": {"name": str(name)}}, *_]}:
            return name
        case {"messages": [{"payload": dict(payload)}, *_]}:
            inner = payload.get(str(payload.get("type")))
            places = inner if isinstance(inner, dict) else {}
            found = places.get("body") or places.get("caption") or places.get("name")
            return found.get("text") if isinstance(found, dict) else found
    return None
