"""List conversations, the newest first. A page costs what it shows, however many conversations there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select, text, tuple_, union_all

from harkara.conversation import ChatEntry, Conversation
from harkara.errors import Invalid
from harkara.ledger.conditions import SETTLED
from harkara.ledger.contacts.queries import all_names
from harkara.ledger.conversations.entries import SENT, Parse, received_entry, sent_entry
from harkara.ledger.conversations.people import Participant, load_participants
from harkara.ledger.conversations.proposals import WAITING_DRAFT
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import StoredEvent, select_events
from harkara.ledger.messages.search import Count
from harkara.ledger.tables import contact, conversation, event, message
from harkara.ledger.transaction import Row, Transaction

MOST_UNREAD = 1000
"""Unread conversations that a count reads; more are said as `1,000+`."""

MOST_NAMES = 10_000
"""Conversations of a lane among which a name is searched, the newest ones."""

_UNREAD = text("conversation.unread > 0")
_NEVER: Row = {
    **dict.fromkeys(("last_at", "name", "mode_cause", "mode_until", "draft")),
    "unread": 0,
    "revision": 0,
    "mode": "assistant",
}
"""The row of a person who has never written."""

_NEWEST_FIRST = (conversation.c.last_at.desc(), conversation.c.person.desc())


def list_conversations(
    db: Database,
    lanes: Collection[str],
    parse: Parse,
    *,
    unread: bool = False,
    search: str = "",
    before: str | None = None,
    limit: int = 50,
) -> list[Conversation]:
    """Return conversations of these lanes, the newest first, with the last message of each.

    `search` is a number, a user id or a part of a name. `before` is `cursor_of` the last one of the page before.
    Raises Invalid for another text.
    """
    conditions: list[ColumnElement[bool]] = [_UNREAD] if unread else []  # type: ignore[list-item]  # as in the index
    conditions += [_older(before)] if before else []
    conditions += [_is_found(db, search.strip(), lanes)] if search.strip() else []
    queries = (_page(lane, conditions, search, limit).subquery() for lane in sorted(set(lanes)))
    parts = [select(query) for query in queries]
    if not parts:
        return []
    with db.read(snapshot=True) as tx:
        rows = tx.rows(union_all(*parts))
        rows = sorted(rows, key=lambda row: (row["last_at"], row["person"]), reverse=True)[:limit]
        people = load_participants(tx, [row["person"] for row in rows])
        last = _last_entries(tx, people.values(), parse)
        return [to_conversation(people[row["person"]], row, tx.now, last.get(row["person"])) for row in rows]


def count_unread(db: Database, lanes: Collection[str]) -> Count:
    """Count the conversations of these lanes with an unread message, up to MOST_UNREAD."""
    one = select(conversation.c.person).where(_UNREAD).limit(MOST_UNREAD + 1)
    parts = [select(one.where(conversation.c.lane == lane).subquery()) for lane in sorted(set(lanes))]
    if not parts:
        return Count(0)
    with db.read() as tx:
        number = int(tx.execute(select(func.count()).select_from(union_all(*parts).subquery())).scalar_one())
    return Count(min(number, MOST_UNREAD), number <= MOST_UNREAD)


def cursor_of(last: Conversation) -> str:
    """Return the `before` of the page after the one that ends with this conversation, without a + for a URL."""
    at = last.last_at.isoformat().replace("+00:00", "Z") if last.last_at else ""
    return f"{at}~{last.contact}"


def load_row(tx: Transaction, person: Participant) -> Row | None:
    """Return the row of the conversation with this person, None before the first message."""
    row = select(conversation, WAITING_DRAFT.label("draft"))
    query = row.where(conversation.c.lane == person.lane, conversation.c.person == person.id)
    return next(iter(tx.rows(query)), None)


def to_conversation(person: Participant, row: Row | None, now: datetime, last: ChatEntry | None = None) -> Conversation:
    """Return the conversation of a row; without one, there was no message yet."""
    row = row or _NEVER
    over = row["mode"] == "person" and row["mode_until"] is not None and row["mode_until"] <= now
    return Conversation(
        contact=person.id,
        lane=person.lane,
        number=person.number,
        name=row["name"],
        last_at=row["last_at"],
        unread=row["unread"],
        revision=row["revision"],
        window_ends_at=person.window_ends_at(now),
        opted_out=person.state.stopped,
        mode="assistant" if over else row["mode"],
        mode_cause="given-back" if over else row["mode_cause"],
        mode_until=None if over else row["mode_until"],
        draft=row["draft"],
        last=last,
    )


def _page(lane: str, conditions: Sequence[ColumnElement[bool]], search: str, limit: int) -> Select[Any]:
    known = select(contact.c.person).where(contact.c.person == conversation.c.person).exists()
    of_lane = (conversation.c.lane == lane, known)
    row = select(conversation, WAITING_DRAFT.label("draft"))
    return row.where(*of_lane, *conditions).order_by(*_NEWEST_FIRST).limit(limit)


def _older(before: str) -> ColumnElement[bool]:
    moment, _, person = before.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError(moment)
    except ValueError:
        raise Invalid("before", "is not the cursor of a page") from None
    return tuple_(conversation.c.last_at, conversation.c.person) < tuple_(at, person)


def _is_found(db: Database, words: str, lanes: Collection[str]) -> ColumnElement[bool]:
    if any(map(str.isdigit, words)):
        names = all_names(db, words, lanes)
        people = select(contact.c.person).where(contact.c.recipient.in_(names), contact.c.lane.in_(lanes))
        return conversation.c.person.in_(people)
    newest = select(conversation.c.person).where(conversation.c.lane.in_(lanes)).order_by(*_NEWEST_FIRST)
    recent = newest.limit(MOST_NAMES).subquery()
    named = func.lower(conversation.c.name).contains(words.lower(), autoescape=True)
    return and_(conversation.c.person.in_(select(recent.c.person)), named)


def _last_entries(tx: Transaction, people: Iterable[Participant], parse: Parse) -> Mapping[str, ChatEntry]:
    """Return the last message of either direction, by person."""
    ids = [person.id for person in people]
    found: dict[str, ChatEntry] = {}
    for person, entry in (*_last_received(tx, ids, parse), *_last_sent(tx, ids)):
        if person not in found or found[person].at < entry.at:
            found[person] = entry
    return found


def _last_received(tx: Transaction, ids: Sequence[str], parse: Parse) -> Iterator[tuple[str, ChatEntry]]:
    newest = select(event.c.id).where(event.c.sender == contact.c.recipient, event.c.lane == contact.c.lane)
    of_each = newest.order_by(event.c.id.desc()).limit(1).scalar_subquery()
    owners = {row.id: row.person for row in tx.execute(_of_contacts(ids, of_each)) if row.id is not None}
    for stored in tx.load(StoredEvent, select_events().where(event.c.id.in_(list(owners)))):
        if entry := received_entry(stored, parse):
            yield owners[stored.id], entry


def _last_sent(tx: Transaction, ids: Sequence[str]) -> Iterator[tuple[str, ChatEntry]]:
    newest = select(message.c.id).where(
        SETTLED, message.c.recipient == contact.c.recipient, message.c.lane == contact.c.lane
    )
    of_each = newest.order_by(message.c.id.desc()).limit(1).scalar_subquery()
    owners = {row.id: row.person for row in tx.execute(_of_contacts(ids, of_each)) if row.id is not None}
    for row in tx.rows(select(*SENT).where(message.c.id.in_(list(owners)))):
        yield owners[row["id"]], sent_entry(row)


def _of_contacts(ids: Sequence[str], of_each: Any) -> Select[Any]:
    return select(contact.c.person, of_each.label("id")).where(contact.c.person.in_(ids))
