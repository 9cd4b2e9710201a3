"""Find the people of conversations: names, window and consent, as the contacts have them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select

from harkara.errors import Conflict, NotFound
from harkara.inbound.contact import ContactState
from harkara.inbound.window import LENGTH
from harkara.ledger.contacts.queries import all_names
from harkara.ledger.database import Database
from harkara.ledger.tables import contact
from harkara.ledger.transaction import Row, Transaction
from harkara.people.names import is_user_id
from harkara.people.spellings import canonical


@dataclass(frozen=True, slots=True)
class Participant:
    """The person of a conversation, under all names."""

    lane: str
    id: str
    names: tuple[str, ...] = field(repr=False)
    state: ContactState
    number: str | None = field(repr=False)
    """The number to write to: of several, the one that the person has used last. None while only user ids are known."""

    def window_ends_at(self, now: datetime) -> datetime | None:
        """Return when the 24-hour window closes, None if it is shut."""
        window = self.state.window(now, webhooks_enabled=True)
        return min(self.state.wrote_at, now) + LENGTH if self.state.wrote_at and window.window == "open" else None


def find_participant(db: Database, key: str, lanes: Collection[str] | None = None) -> Participant:
    """Return the person with this id, number or user id, in one of these lanes or in any.

    Raises NotFound, Conflict if several lanes know the number, and Invalid for a text that is none of these.
    """
    named = contact.c.person == key if key.startswith("person_") else contact.c.recipient.in_(all_names(db, key, lanes))
    query = select(contact.c.person).where(named, contact.c.person.is_not(None)).distinct().limit(2)
    with db.read(snapshot=True) as tx:
        ids = tx.execute(query if lanes is None else query.where(contact.c.lane.in_(lanes))).scalars().all()
        found = list(load_participants(tx, ids).values())
    if not found:
        raise NotFound("no lane knows this number or id: the person has neither written nor opted out or in")
    if len(found) > 1:
        raise Conflict("several lanes know this person: name the lane")
    return found[0]


def load_participants(tx: Transaction, ids: Iterable[str]) -> Mapping[str, Participant]:
    """Return the people with these ids."""
    rows: dict[str, list[Row]] = {}
    for row in tx.rows(select(contact).where(contact.c.person.in_(list(ids))).order_by(contact.c.recipient)):
        rows.setdefault(row["person"], []).append(row)
    return {person: _participant(person, names) for person, names in rows.items()}


def _participant(person: str, rows: list[Row]) -> Participant:
    first = rows[0]
    state = ContactState(
        wrote_at=first["wrote_at"],
        stopped=first["stopped"],
        agreed_at=first["agreed_at"],
        chosen_at=first["wished_at"],
    )
    numbers = [(row["linked_at"] or _LONG_AGO, canonical(row["recipient"])) for row in rows if _has_number(row)]
    number = max(numbers)[1] if numbers else None
    return Participant(first["lane"], person, tuple(row["recipient"] for row in rows), state, number)


def _has_number(row: Row) -> bool:
    return not is_user_id(row["recipient"])


_LONG_AGO = datetime.min.replace(tzinfo=UTC)
