"""Find what customers asked that the assistant could not answer."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, select, union_all

from harkara.assistant.knowledge.gaps import CAUSES, Unanswered
from harkara.ledger.conversations.entries import Parse, received_entry
from harkara.ledger.conversations.people import Participant, load_participants
from harkara.ledger.database import Database
from harkara.ledger.events.stored_event import StoredEvent, select_events
from harkara.ledger.tables import conversation, event, turn
from harkara.ledger.transaction import Row, Transaction

MOST_TURNS = 1000
"""Turns that a call reads, the newest ones. Each costs one look-up in an index."""

_MOST_TEXTS = 10
"""Messages of a burst that are read, the newest ones."""


def list_unanswered(
    db: Database, lanes: Collection[str], parse: Parse, *, days: float, limit: int = MOST_TURNS
) -> list[Unanswered]:
    """Return the newest questions of these lanes and days that no answer was found for. Raises Unavailable.

    People who were erased are left out.
    """
    with db.read(snapshot=True) as tx:
        since = tx.now - timedelta(days=days)
        parts = [select(_newest(lane, since, limit).subquery()) for lane in sorted(set(lanes))]
        if not parts:
            return []
        rows = sorted(tx.rows(union_all(*parts)), key=lambda row: row["at"], reverse=True)[:limit]
        people = load_participants(tx, {row["person"] for row in rows})
        return [_unanswered(tx, row, people[row["person"]], parse) for row in rows if row["person"] in people]


def _newest(lane: str, since: datetime, limit: int) -> Select[Any]:
    earlier = turn.alias("earlier")
    of_person = (earlier.c.person == turn.c.person, earlier.c.lane == turn.c.lane)
    before = select(earlier.c.at).where(*of_person, earlier.c.id < turn.c.id, earlier.c.outcome != "superseded")
    talk = and_(conversation.c.lane == turn.c.lane, conversation.c.person == turn.c.person)
    columns = (turn.c.person, turn.c.at, conversation.c.name)
    query = select(*columns, before.order_by(earlier.c.id.desc()).limit(1).scalar_subquery().label("answered_at"))
    of_lane = (turn.c.lane == lane, turn.c.at >= since)
    unanswered = (turn.c.hand_over.in_(CAUSES), turn.c.outcome != "superseded")
    found = query.outerjoin_from(turn, conversation, talk).where(*of_lane, *unanswered)
    return found.order_by(turn.c.at.desc()).limit(limit)


def _unanswered(tx: Transaction, row: Row, person: Participant, parse: Parse) -> Unanswered:
    """Read what the person wrote between the turn before and this one."""
    of_person = (event.c.sender.in_(person.names), event.c.lane == person.lane)
    written = select_events().where(*of_person, event.c.received_at <= row["at"])
    if row["answered_at"]:
        written = written.where(event.c.received_at > row["answered_at"])
    newest = tx.load(StoredEvent, written.order_by(event.c.id.desc()).limit(_MOST_TEXTS))
    entries = [entry for stored in reversed(newest) if (entry := received_entry(stored, parse))]
    texts = tuple(entry.text for entry in entries if entry.direction == "received" and entry.text)
    return Unanswered(at=row["at"], texts=texts, number=person.number, name=row["name"])
