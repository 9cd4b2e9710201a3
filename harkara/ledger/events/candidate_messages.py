"""Load and lock the messages that a batch of status events may be about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from harkara.inbound import matching
from harkara.inbound.events import StatusChanged
from harkara.inbound.matching import RECENT, Candidate, whatsapp_id
from harkara.lanes import Lane
from harkara.ledger.conditions import ARRIVED
from harkara.ledger.events.replaced_posts import MatchKey, load_replaced_posts
from harkara.ledger.events.restored_messages import MAYBE_SENT, load_restored
from harkara.ledger.events.stored_event import StoredEvent
from harkara.ledger.tables import attempt, contact, message
from harkara.ledger.transaction import Transaction
from harkara.states import State


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """A stored event with its parsed form; `fingerprints` are those of its content and each name of its recipient."""

    stored: StoredEvent
    change: StatusChanged
    fingerprints: tuple[str, ...]

    @property
    def ids(self) -> list[MatchKey]:
        """The ids that the event has for its POST."""
        return [key for key in self.keys if key[1] != "fingerprint"]

    @property
    def keys(self) -> list[MatchKey]:
        """Everything by which its message may be found."""
        values = [("whatsapp", whatsapp_id(self.change)), ("job", self.change.job_id)]
        values += [("fingerprint", one) for one in self.fingerprints]
        return [(self.stored.lane, kind, value) for kind, value in values if value is not None]


class LockedMessage(NamedTuple):
    """A row of the table `message`, locked until the transaction ends; `wrote_at` is when its recipient wrote last.

    `country` is the calling code of an erased number.
    """

    id: str
    lane: str
    recipient: str | None
    country: str | None
    kind: str
    template: str | None
    category: str
    campaign_id: str | None
    weight: int
    state: str
    resends: int
    job_id: str | None
    whatsapp_id: str | None
    posted_at: datetime | None
    expires_at: datetime
    code: str | None
    traceparent: str | None
    wrote_at: datetime | None


_SAME_CONTACT = (contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)
_WROTE_AT = select(contact.c.wrote_at).where(*_SAME_CONTACT).correlate(message).scalar_subquery()
_LOCKED = (*(message.c[name] for name in LockedMessage._fields if name != "wrote_at"), _WROTE_AT)


class Posts(NamedTuple):
    """The POSTs of one message that may have arrived, and their fingerprint."""

    message_id: str
    fingerprint: str
    first: datetime
    last: datetime


@dataclass(slots=True)
class Candidates:
    """The messages that a batch of events may be about. The candidates change as the events are applied."""

    messages: dict[str, LockedMessage]
    by_id: dict[str, Candidate] = field(default_factory=dict)
    by_key: dict[MatchKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    replaced: dict[MatchKey, str] = field(default_factory=dict)
    """The ids of the messages whose fallback has replaced a POST, by the names that events have for that POST."""

    def match(self, event: StatusEvent) -> Candidate | None:
        ids = {message_id for key in event.keys for message_id in self.by_key.get(key, ())}
        return matching.match(event.change, event.fingerprints, [self.by_id[message_id] for message_id in ids])

    def match_replaced(self, event: StatusEvent) -> Candidate | None:
        """Return the message of an event about a POST that a fallback has replaced."""
        found = (self.replaced[key] for key in event.ids if key in self.replaced)
        message_id = next(found, None)
        return self.by_id[message_id] if message_id else None

    def replace(self, one: Candidate, event: StatusEvent) -> list[MatchKey]:
        """Let a fallback replace the POST that the event is about; return the names that events have for that POST."""
        lane = self.messages[one.id].lane
        named = (("whatsapp", one.whatsapp_id), ("job", one.job_id))
        keys = [*event.ids, *((lane, kind, value) for kind, value in named if value is not None)]
        self.replaced |= dict.fromkeys(keys, one.id)
        # Not by `add`: nothing finds the message any more, until its fallback has a POST of its own.
        self.by_id[one.id] = replace(one, state=State.WAITING, whatsapp_id=None, job_id=None, fingerprint=None)
        return list(dict.fromkeys(keys))

    def add(self, one: Candidate) -> None:
        lane = self.messages[one.id].lane
        self.by_id[one.id] = one
        for kind, value in (("whatsapp", one.whatsapp_id), ("job", one.job_id), ("fingerprint", one.fingerprint)):
            if value is not None:
                self.by_key[lane, kind, value].add(one.id)

    def update(self, one: Candidate, event: StatusEvent, state: State) -> None:
        """Give the candidate its new state and, from its first event, WhatsApp's id."""
        self.add(replace(one, state=state, whatsapp_id=one.whatsapp_id or whatsapp_id(event.change)))


def load_candidates(
    tx: Transaction,
    events: Iterable[StatusEvent],
    lanes: Mapping[str, Lane],
    maybe_sent: ColumnElement[bool] = MAYBE_SENT,
) -> Candidates:
    """Load the messages that these events may be about, and lock them until the transaction ends.

    Those of `maybe_sent` match by their content, although the ledger has no POST of theirs.
    """
    events = list(events)
    values: dict[str, set[str]] = defaultdict(set)
    for event in events:
        for _, kind, value in event.keys:
            values[kind].add(value)
    posts = _posts(tx, values["fingerprint"], min(one.change.at for one in events) - RECENT)
    restored = _restored(tx, events, lanes, maybe_sent)
    named = _named(tx, values["whatsapp"], values["job"])
    replaced = load_replaced_posts(tx, {key for event in events for key in event.ids})
    locked = _lock(tx, {*posts, *named, *restored, *replaced.values()})
    candidates = Candidates({row.id: row for row in locked}, replaced=replaced)
    for row in candidates.messages.values():
        candidates.add(_candidate(row, restored.get(row.id) or posts.get(row.id)))
    return candidates


def _restored(
    tx: Transaction, events: Sequence[StatusEvent], lanes: Mapping[str, Lane], maybe_sent: ColumnElement[bool]
) -> dict[str, Posts]:
    """Return, by message, the time in which it may have been POSTed, if it has the fingerprint of one of the events."""
    wanted = {one for event in events for one in event.fingerprints}
    return {
        one.id: Posts(one.id, own, one.created_at, one.last_posted_at(tx.now))
        for one in load_restored(tx, [event.change for event in events], maybe_sent)
        if (own := one.fingerprint(lanes)) in wanted and own is not None
    }


def _posts(tx: Transaction, fingerprints: set[str], since: datetime) -> dict[str, Posts]:
    """Return, by message, its POSTs with one of these fingerprints, if a recent one may have arrived.

    A message that has WhatsApp's id already matches by that alone. The same text may have gone to the same person every
    minute for a year; so the history is read only of messages that were POSTed recently.
    """
    if not fingerprints:
        return {}
    of_these = attempt.c.echo.in_(fingerprints)
    recent = (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(of_these, ARRIVED, attempt.c.started_at >= since, message.c.whatsapp_id.is_(None))
    )
    first, last = func.min(attempt.c.started_at), func.max(attempt.c.started_at)
    query = (
        select(attempt.c.message_id, attempt.c.echo, first, last)
        .where(of_these, ARRIVED, attempt.c.message_id.in_(recent))
        .group_by(attempt.c.message_id, attempt.c.echo)
    )
    return {row[0]: Posts(*row) for row in tx.execute(query)}


def _named(tx: Transaction, whatsapp_ids: set[str], job_ids: set[str]) -> set[str]:
    found: set[str] = set()
    for column, values in ((message.c.whatsapp_id, whatsapp_ids), (message.c.job_id, job_ids)):
        if values:
            found |= set(tx.execute(select(message.c.id).where(column.in_(values))).scalars())
    return found


def _lock(tx: Transaction, ids: set[str]) -> list[LockedMessage]:
    """In the order of ids, as in every transaction that changes several messages: otherwise two could deadlock."""
    if not ids:
        return []
    query = select(*_LOCKED).where(message.c.id.in_(sorted(ids))).order_by(message.c.id).with_for_update()
    return [LockedMessage(*row) for row in tx.execute(query)]


def _candidate(row: LockedMessage, posts: Posts | None) -> Candidate:
    return Candidate(
        id=row.id,
        state=State(row.state),
        first_posted_at=posts.first if posts else None,
        posted_at=posts.last if posts else None,
        resends=row.resends,
        job_id=row.job_id,
        whatsapp_id=row.whatsapp_id,
        fingerprint=posts.fingerprint if posts else None,
    )
