"""Read a chat: what was said in both directions, the newest first to be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from harkara.conversation import Chat, ChatEntry
from harkara.ledger.conditions import LEASED, SETTLED, in_state
from harkara.ledger.contacts.queries import PROOFS, proof_of
from harkara.ledger.conversations.entries import SENT, Parse, consent_entry, received_entry, sent_entry, spoken_entries
from harkara.ledger.conversations.people import Participant
from harkara.ledger.conversations.queries import load_row, to_conversation
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import StoredEvent, select_events
from harkara.ledger.messages.search import CLOCK_ERROR, id_at
from harkara.ledger.tables import consent, event, message
from harkara.ledger.transaction import Transaction
from harkara.states import State

MOST_WAITING = 20

MOST_READ = 500
"""Our messages that a page reads, by the time of their hand-over: one that waited while 500 others were handed over to
the same person is missing."""

_AT = func.coalesce(message.c.posted_at, message.c.changed_at)


def get_chat(
    db: Database, person: Participant, parse: Parse, *, before: datetime | None = None, limit: int = 50
) -> Chat:
    """Return the newest `limit` entries of the chat, or the newest before a moment. Raises Unavailable.

    Reminders and campaigns that were cancelled before they were sent are left out.
    """
    with db.read(snapshot=True) as tx:
        entries = [
            *_received(tx, person, parse, before, limit + 1),
            *_sent(tx, person, before, limit + 1),
            *_choices(tx, person, before, limit + 1),
        ]
        waiting = () if before else _waiting(tx, person)
        conversation = to_conversation(person, load_row(tx, person), tx.now)
        cut = len(entries) <= limit and _has_more(tx, person, before)
    shown, more = _newest_entries(entries, limit)
    return Chat(
        conversation=conversation,
        entries=tuple(shown),
        waiting=tuple(waiting),
        before=shown[0].at if more else None,
        cut=cut,
    )


def load_messages(tx: Transaction, person: Participant, parse: Parse, limit: int) -> Sequence[ChatEntry]:
    """Return the newest `limit` messages of both directions, oldest first, as the assistant reads them."""
    received = spoken_entries(_events(tx, person, None, limit + 1), parse)
    entries = [*received, *_sent(tx, person, None, limit + 1)]
    return _newest_entries(entries, limit)[0]


def _newest_entries(entries: list[ChatEntry], limit: int) -> tuple[list[ChatEntry], bool]:
    """Return the newest entries, oldest first, and whether there are more; those of one moment stay together."""
    entries.sort(key=lambda entry: entry.at)  # of one moment, what a customer wrote comes before what it caused
    shown, more = entries[-limit:], len(entries) > limit
    if more:
        shown = [entry for entry in shown if entry.at > entries[-limit - 1].at] or shown
    return shown, more


def _received(
    tx: Transaction, person: Participant, parse: Parse, before: datetime | None, limit: int
) -> list[ChatEntry]:
    entries = (received_entry(stored, parse) for stored in _events(tx, person, before, limit))
    return [entry for entry in entries if entry]


def _events(tx: Transaction, person: Participant, before: datetime | None, limit: int) -> list[StoredEvent]:
    of_person = [event.c.sender.in_(person.names), event.c.lane == person.lane]
    query = select_events().where(*of_person, *_before(event.c.at, before)).order_by(event.c.id.desc())
    return tx.load(StoredEvent, query.limit(limit))[::-1]


def _sent(tx: Transaction, person: Participant, before: datetime | None, limit: int) -> list[ChatEntry]:
    recent = _newest(person, before).limit(MOST_READ)
    unsent = (message.c.state == State.CANCELLED.value) & message.c.posted_at.is_(None)
    withdrawn = unsent & (message.c.category != "reply")
    query = select(*SENT).where(message.c.id.in_(recent), ~withdrawn, *_before(_AT, before))
    return [sent_entry(row) for row in reversed(tx.rows(query.order_by(_AT.desc()).limit(limit)))]


def _has_more(tx: Transaction, person: Participant, before: datetime | None) -> bool:
    """Return whether the person has more messages than a page reads."""
    return tx.execute(_newest(person, before).offset(MOST_READ).limit(1)).first() is not None


def _newest(person: Participant, before: datetime | None) -> Select[tuple[str]]:
    bound = [message.c.id < id_at(before + CLOCK_ERROR)] if before else []
    return select(message.c.id).where(SETTLED, *_to(person), *bound).order_by(message.c.id.desc())


def _waiting(tx: Transaction, person: Participant) -> list[ChatEntry]:
    found: list[ChatEntry] = []
    for unsent in (in_state(State.WAITING), LEASED):
        query = select(*SENT).where(unsent, *_to(person)).order_by(message.c.due_at).limit(MOST_WAITING)
        found += [sent_entry(row) for row in tx.rows(query)]
    return sorted(found, key=lambda entry: entry.at)[:MOST_WAITING]


def _choices(tx: Transaction, person: Participant, before: datetime | None, limit: int) -> list[ChatEntry]:
    of_person = [consent.c.recipient.in_(person.names), consent.c.lane == person.lane]
    newest = select(consent.c.id).where(*of_person, *_before(consent.c.at, before))
    query = PROOFS.where(consent.c.id.in_(newest.order_by(consent.c.at.desc()).limit(limit)))
    return [consent_entry(proof_of(row)) for row in tx.rows(query)]


def _to(person: Participant) -> Sequence[ColumnElement[bool]]:
    return message.c.recipient.in_(person.names), message.c.lane == person.lane


def _before(at: Any, before: datetime | None) -> list[ColumnElement[bool]]:
    return [at < before] if before else []
