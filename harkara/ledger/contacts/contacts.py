"""Contacts: hears what customers write, and knows them when something is to be sent to them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, text, tuple_, update

from harkara.inbound import OptIn, OptOut, Received, Reply, Words
from harkara.inbound.contact import Contact, Wish
from harkara.inbound.window import LENGTH
from harkara.ledger.contacts.consent import take
from harkara.ledger.database import Transaction
from harkara.ledger.tables import contact, message, occasion
from harkara.states import State

REMEMBERED = timedelta(days=3)
"""How long after a reminder an answer is taken for one to it, if its occasion is still to come."""

_REMINDED = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ, State.UNCERTAIN})
"""The reminder has come, or may have."""

Key = tuple[str, str]
"""A lane and a number."""


@dataclass(frozen=True, slots=True)
class Reminded:
    """An occasion whose reminder is open: the one that an answer is about."""

    id: str
    kind: str
    reference: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a message of a customer means: None is for a person to read. `about` goes with an answer to a reminder."""

    reply: Reply | None
    about: Reminded | None = None


def heard(tx: Transaction, lane: str, received: Received, words: Words, *, answers: str | None = None) -> Heard:
    """Notes that a customer wrote, which opens their window, and follows what they want.

    An opt-out withdraws what waits for them, with the proof in the same transaction. `answers` is the id of the message
    of ours that this one replies to, where that is known: of several reminders it tells the one that is meant,
    otherwise the latest one is. To hear the same message twice keeps its proof twice, and changes nothing else.
    """
    at = min(received.at, tx.now)
    _note(tx, lane, received.sender, at)
    about = _reminded(tx, lane, received.sender, answers)
    reply = words.judge(received.text, received.payload, reminder_open=about is not None)
    if isinstance(reply, OptOut | OptIn):
        take(tx, lane, [_wish(received, reply, at)])
        return Heard(reply)
    return Heard(reply, about if reply else None)


def known(tx: Transaction, keys: Collection[Key]) -> dict[Key, Contact]:
    """Those of these people of whom anything is known."""
    return _find(tx, _KNOWN, keys) if keys else {}


def refusing(tx: Transaction, keys: Collection[Key]) -> dict[Key, Contact]:
    """Those of these people who want no more of something: few, though every message that comes in asks for them."""
    return _find(tx, f"{_KNOWN} WHERE contact.stopped IS NOT NULL", keys) if keys else {}


def forget(tx: Transaction, retention_seconds: float | None, most: int) -> int:
    """Forgets who wrote long ago and never said what they want; whoever did is remembered, with the proof."""
    if retention_seconds is None:
        return 0
    key = tuple_(contact.c.lane, contact.c.recipient)
    long_ago = contact.c.wrote_at <= tx.now - max(timedelta(seconds=retention_seconds), LENGTH)
    silent = select(contact.c.lane, contact.c.recipient).where(contact.c.wished_at.is_(None), long_ago)
    return tx.execute(delete(contact).where(key.in_(silent.limit(most)))).rowcount


_FIELDS = tuple(contact.c[name] for name in ("lane", "recipient", "wrote_at", "stopped", "agreed_at", "wished_at"))

# By hand, as all of the hot path: it stands before every acceptance and every chunk that is sent.
_KNOWN = f"""
SELECT {", ".join(f"contact.{column.name}" for column in _FIELDS)} FROM contact
JOIN {{each}} ON contact.lane = each.lane AND contact.recipient = each.person
"""


def _find(tx: Transaction, statement: str, keys: Collection[Key]) -> dict[Key, Contact]:
    wanted = [{"lane": lane, "person": person} for lane, person in set(keys)]
    rows = tx.execute_each(statement, {"lane": "text", "person": "text"}, wanted, returning=_FIELDS)
    found = [dict(row) for row in rows.mappings()]
    return {(row.pop("lane"), row.pop("recipient")): Contact(**row) for row in found}


def _wish(received: Received, reply: OptOut | OptIn, at: datetime) -> Wish:
    """The proof is what they wrote, or the id of the button that they tapped."""
    return Wish(
        recipient=received.sender,
        wish="opt-out" if isinstance(reply, OptOut) else "opt-in",
        category=reply.category or "everything",
        how="customer",
        proof=received.payload or received.text or "",
        at=at,
    )


def _note(tx: Transaction, lane: str, sender: str, at: datetime) -> None:
    """Of two that fold at once the later message counts, whichever comes first."""
    who = {"lane": lane, "recipient": sender}
    if tx.execute(tx.insert_new(contact).returning(contact.c.recipient), who | {"wrote_at": at}).first():
        return
    mine = update(contact).where(*(contact.c[name] == value for name, value in who.items()))
    tx.execute(mine.where((contact.c.wrote_at < at) | contact.c.wrote_at.is_(None)).values(wrote_at=at))


def _reminded(tx: Transaction, lane: str, sender: str, answers: str | None) -> Reminded | None:
    """The occasion of this person which is still to come and of which they were reminded last."""
    query = (
        select(occasion.c.id, occasion.c.kind, occasion.c.reference)
        .join(message, message.c.occasion_id == occasion.c.id)
        .where(
            text("occasion.status = 'open'"),  # as in the index
            occasion.c.recipient == sender,
            occasion.c.lane == lane,
            occasion.c.at > tx.now,
            message.c.state.in_([state.value for state in _REMINDED]),
            message.c.posted_at > tx.now - REMEMBERED,
        )
        .order_by((message.c.id == answers).desc(), message.c.posted_at.desc())
        .limit(1)
    )
    found = tx.rows(query)
    return Reminded(**found[0]) if found else None
