"""The recipients of status events: the names that an event connects, and the fingerprints of all names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import or_, select

from harkara.inbound import fingerprint
from harkara.inbound.events import Event, StatusChanged
from harkara.inbound.matching import whatsapp_id
from harkara.lanes import Lane
from harkara.ledger.contacts.consent import link_names
from harkara.ledger.contacts.people import names_of
from harkara.ledger.database import Database
from harkara.ledger.events.candidate_messages import StatusEvent
from harkara.ledger.events.stored_event import StoredEvent
from harkara.ledger.tables import message
from harkara.ledger.transaction import Transaction
from harkara.people.spellings import spellings

ReceivedStatus = tuple[StoredEvent, StatusChanged]


def link_recipients(db: Database, received: Iterable[tuple[StoredEvent, Event]]) -> None:
    """Record which number and which user ids are one person's, as the statuses of messages to them show.

    A person who hides the number later is then still known by it. Each link has a transaction of its own, so that no
    lock of a person is held together with those of messages. Raises Unavailable.
    """
    links: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for stored, change in received:
        if isinstance(change, StatusChanged) and change.recipient and change.user_ids:
            links[stored.lane].add((change.recipient, *change.user_ids))
    for lane, names in links.items():
        with db.read() as tx:
            known = names_of(tx, lane, {link[0] for link in names})
        for link in names:
            if not known[link[0]].issuperset(link):
                with db.write() as tx:
                    link_names(tx, lane, link)


def recipient_names(tx: Transaction, lane: str, change: StatusChanged) -> tuple[str, ...]:
    """Return the names of the recipient, a number first; of an event with ids alone, the number of its message."""
    names = (*((change.recipient,) if change.recipient else ()), *change.user_ids)
    ids = ((message.c.whatsapp_id, whatsapp_id(change)), (message.c.job_id, change.job_id))
    named = [column == value for column, value in ids if value is not None]
    if names or not named:
        return names
    query = select(message.c.recipient).where(message.c.lane == lane, message.c.recipient.is_not(None), or_(*named))
    found = tx.execute(query.distinct()).scalars().all()
    return tuple(found) if len(found) == 1 else ()


def status_events(tx: Transaction, lanes: Mapping[str, Lane], received: Iterable[ReceivedStatus]) -> list[StatusEvent]:
    """Return the events with the fingerprints that an attempt to any name of the recipient may have."""
    return [
        StatusEvent(stored, change, _fingerprints(tx, lanes.get(stored.lane), change)) for stored, change in received
    ]


def _fingerprints(tx: Transaction, lane: Lane | None, change: StatusChanged) -> tuple[str, ...]:
    if lane is None or change.digest is None:
        return ()
    keyed = (fingerprint.keyed(lane.token, name, change.digest) for name in _names(tx, lane.name, change))
    return tuple(one for one in keyed if one is not None)


def _names(tx: Transaction, lane: str, change: StatusChanged) -> Iterable[str]:
    """Return the numbers to which the message may have gone: an attempt has the number as the application gave it."""
    if change.recipient:
        return spellings(change.recipient)
    return set().union(*names_of(tx, lane, change.user_ids).values()) if change.user_ids else ()
