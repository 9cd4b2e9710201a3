"""Claim: lease messages to one worker; a second claim of the same message gets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, String, column

from harkara.assistant.voice import Voice
from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.ledger.conditions import sql_list
from harkara.ledger.database import Database
from harkara.ledger.events.unread_messages import UNREAD
from harkara.ledger.halts import LANES_TO_RECOVER
from harkara.ledger.tables import contact, message
from harkara.ledger.tables.contacts import ERASED
from harkara.ledger.timeline import CURRENT
from harkara.states import Action, State, allowed_from


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is leased to this worker.

    `epoch` is a fencing token: after a later claim of the message, no write of this claim succeeds. `contact` is what
    the lane knew about the recipient when the message was claimed. `halted` says whether anything was halted then,
    `erased` whether the ledger has an opt-out of a person whose data was erased, which could be the recipient, and
    `unread` whether some message of a customer was not applied yet.
    An answer of the assistant has the `voice` of its conversation then, None if the conversation is gone. `traceparent`
    is the W3C Trace Context of the hand-over.
    """

    id: str
    epoch: int
    lane: str
    producer: str
    recipient: str
    kind: str
    template: str | None
    category: str
    priority: int
    quiet: bool
    body: str
    weight: int
    due_at: datetime
    expires_at: datetime
    tries: int
    waits: int
    waited_for: str | None
    resends: int
    maybe_duplicate: bool
    claimed_at: datetime
    occasion_id: str | None = None
    fallback: str | None = field(default=None, repr=False)
    talk_person: str | None = None
    talk_revision: int | None = None
    traceparent: str | None = None
    contact: ContactState = UNKNOWN_CONTACT
    halted: bool = False
    erased: bool = False
    unread: bool = False
    voice: Voice | None = None


_OF_MESSAGE = tuple(message.c[f.name] for f in fields(Claimed) if f.name in message.c and f.name != "claimed_at")
_OF_CONTACT = tuple(contact.c[name] for name in ("wrote_at", "stopped", "agreed_at", "wished_at"))
_OF_LEDGER = tuple(column(name, Boolean) for name in ("halted", "erased", "unread"))
_RETURNED = (*_OF_MESSAGE, *_OF_CONTACT, *_OF_LEDGER, column("voice", String))


def _of_contact(name: str) -> str:
    recipient = "contact.lane = message.lane AND contact.recipient = message.recipient"
    return f"(SELECT contact.{name} FROM contact WHERE {recipient}) AS {name}"


# CASE: the conversation of a message that is no answer is not looked up.
_VOICE = """CASE WHEN message.talk_person IS NOT NULL THEN (
    SELECT mode || '/' || coalesce(mode_cause, '') || '/' || unanswered || '/' || conversation.revision
    FROM conversation WHERE conversation.lane = message.lane AND conversation.person = message.talk_person
) END AS voice"""

# Written by hand, as the whole hot path: building and compiling the expression costs more than the database's work.
# Locked rows are skipped: two workers with the same hint must not wait for each other.
_CLAIM, _CLAIM_ON_TIMELINE = (
    f"""
UPDATE message
SET state = 'claimed', epoch = epoch + 1, claims = claims + 1, strikes = strikes + 1,
    lease_until = :lease, changed_at = :now
WHERE id IN (
    SELECT message.id FROM message JOIN {{each}} ON message.id = each.id
    WHERE coalesce(state, '') IN ({sql_list(allowed_from(State.CLAIMED, by=Action.CLAIM))})
      AND (coalesce(state, '') <> 'waiting' OR due_at <= :now)
      AND message.lane NOT IN ({LANES_TO_RECOVER}) {condition}
    {{skip_locked}}
)
RETURNING {", ".join(each.name for each in _OF_MESSAGE)}, {", ".join(_of_contact(each.name) for each in _OF_CONTACT)},
    EXISTS (SELECT 1 FROM halt) AS halted, EXISTS (SELECT 1 FROM contact WHERE {ERASED}) AS erased,
    EXISTS (SELECT 1 FROM event WHERE {UNREAD}) AS unread, {_VOICE}
"""
    for condition in ("", f"AND (SELECT {CURRENT}) = :timeline")
)


def claim(db: Database, ids: Sequence[str], lease_seconds: float, timeline: str | None = None) -> list[Claimed]:
    """Lease those of `ids` that are queued or due, most urgent first; the others are leased or done already.

    Nothing is leased in a lane that waits for `harkara recover`, nor on a server that has another `timeline`: what it
    shows as unsent may have been sent, and a gate could move it to where `harkara recover` does not doubt it.

    It is one conditional UPDATE for all. It counts the claims, so that the sweep recognizes a message that was claimed
    too often without an outcome. Raises Unavailable.
    """
    now = db.now()
    lease = now + timedelta(seconds=lease_seconds)
    wanted = [{"id": identity} for identity in ids]
    statement, texts = (_CLAIM_ON_TIMELINE, {"timeline": timeline}) if timeline else (_CLAIM, {})
    rows = db.execute_each(statement, {"id": "text"}, wanted, returning=_RETURNED, texts=texts, now=now, lease=lease)
    claimed = [_claimed(row, now) for row in rows]
    return sorted(claimed, key=lambda one: (one.priority, one.expires_at, one.id))


def _claimed(row: tuple[Any, ...], now: datetime) -> Claimed:
    *values, wrote_at, stopped, agreed_at, chosen_at, halted, erased, unread, voice = row
    known = ContactState(wrote_at=wrote_at, stopped=stopped, agreed_at=agreed_at, chosen_at=chosen_at)
    return Claimed(
        **dict(zip(_NAMES, values, strict=True)),
        claimed_at=now,
        contact=known,
        halted=halted,
        erased=erased,
        unread=unread,
        voice=_parse_voice(voice) if voice else None,
    )


def _parse_voice(text: str) -> Voice:
    mode, cause, unanswered, revision = text.split("/")
    return Voice(mode, cause, int(unanswered), int(revision))


_NAMES = tuple(each.name for each in _OF_MESSAGE)
