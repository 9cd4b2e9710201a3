"""Search messages: the filters, their pages with the newest first, and bounded counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Set
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CompoundSelect, and_, literal_column, or_, select, union_all

from harkara.json_record import iso_seconds
from harkara.ledger.campaigns.responses import has_response
from harkara.ledger.conditions import (
    LEASED,
    LEASED_STATES,
    SETTLED,
    SETTLED_STATES,
    UNREAD,
    UNREAD_STATES,
    Implied,
    in_state,
)
from harkara.ledger.database import Database
from harkara.ledger.messages.summary import summary
from harkara.ledger.tables import alias, message, occasion
from harkara.message_status import MessageSummary
from harkara.states import State

LATEST_ACCEPTANCE = timedelta(days=30)
CLOCK_ERROR = timedelta(days=1)
"""A search by time finds what was accepted at most so long after its id was made, or seemingly before."""

MOST_COUNTED = 10_000
"""Rows that a count reads; more are said as `10,000+`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """What a message must be; a field that is None or empty allows all.

    `id` is the message's own id, another that a client gave it, or Chat Mitra's job id. `lanes` restricts the result to
    these lanes, `recipients` to these names. `occasion` is a kind and a reference. `flagged` selects what may have been
    sent twice. `response` is what the recipient has done since the message was sent, a key of RESPONSES. `since` and
    `until` compare the time of acceptance.
    """

    id: str | None = None
    states: Collection[State] = ()
    lane: str | None = None
    lanes: Collection[str] | None = None
    recipients: Collection[str] | None = None
    reference: str | None = None
    code: str | None = None
    producer: str | None = None
    template: str | None = None
    campaign: str | None = None
    occasion: tuple[str, str] | None = None
    flagged: bool = False
    response: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether all messages match, but for `lanes`, which are what the caller may see."""
        return not any(getattr(self, each.name) for each in fields(self) if each.name != "lanes")

    def __str__(self) -> str:
        """Return the filters as the log of acts shows them, such as `state failed, lane shop`."""
        named = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "lanes"}
        named["occasion"] = "/".join(self.occasion or ())
        return ", ".join(f"{_WORDS.get(name, name)} {_word(value)}" for name, value in named.items() if value)

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `message` but those on its state."""
        return [condition for condition in self._conditions() if condition is not None]

    def alternatives(self) -> list[list[ColumnElement[bool]]]:
        """Return conditions, one list for each index that must be used; a message meets at most one of them.

        The indexes of recipients and templates cover what is settled. What waits or is leased has its own.
        """
        return [[*self.conditions(), *([is_in(states)] if states else [])] for states in self.classes()]

    def classes(self) -> list[Set[State] | None]:
        """Return sets of states, one for each index that must be used; None alone if one index serves all states."""
        if not self.states and self.recipients is None and self.template is None:
            return [None]
        wanted = frozenset(self.states or State)
        settled = wanted & SETTLED_STATES
        # The index of states has the ids of one state in order, and none of what arrived.
        ended = [{state} for state in sorted(settled)] if settled <= UNREAD_STATES else [settled]
        return [states for states in (wanted & {State.WAITING}, wanted & LEASED_STATES, *ended) if states]

    def _conditions(self) -> tuple[ColumnElement[bool] | None, ...]:
        named = {"lane": self.lane, "reference": self.reference, "code": self.code, "producer": self.producer}
        named |= {"template": self.template, "campaign_id": self.campaign}
        return (
            *(message.c[name] == value for name, value in named.items() if value is not None),
            _has_id(self.id) if self.id is not None else None,
            message.c.lane.in_(self.lanes) if self.lanes is not None else None,
            message.c.recipient.in_(self.recipients) if self.recipients is not None else None,
            _is_about(*self.occasion) if self.occasion else None,
            literal_column("message.maybe_duplicate") if self.flagged else None,  # in the words of its index
            has_response(self.response) if self.response is not None else None,
            *_accepted(self.since, self.until),
        )


class Count(NamedTuple):
    """A number of rows; if it is not `exact`, there are more."""

    number: int
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.number:,}" + ("" if self.exact else "+")


EVERY_MESSAGE = MessageFilter()

_WORDS = {"states": "state", "recipients": "to"}
"""The words for filters in the log of acts, where they differ from the names."""

NEWEST_FIRST = message.c.id.desc()
"""Ids grow with the time of the hand-over."""


def list_messages(
    db: Database, wanted: MessageFilter = EVERY_MESSAGE, *, before: str | None = None, limit: int = 50
) -> list[MessageSummary]:
    """Return messages that match every filter, the newest first, at most `limit`.

    `before` is the last id of the page before.
    """
    older = [message.c.id < before] if before else []
    found = matching(wanted, *older, limit=limit)
    query = select(message).where(message.c.id.in_(found)).order_by(NEWEST_FIRST)
    with db.read() as tx:
        return [summary(row) for row in tx.rows(query.limit(limit))]


def matching(
    wanted: MessageFilter, *more: ColumnElement[bool], limit: int, ordered: bool = True
) -> CompoundSelect[tuple[str]]:
    """Select the ids of the messages that match, at most `limit` by each index: the newest ones if `ordered`."""
    queries = (select(message.c.id).where(*conditions, *more).limit(limit) for conditions in wanted.alternatives())
    parts = ((query.order_by(NEWEST_FIRST) if ordered else query).subquery() for query in queries)
    return union_all(*(select(part.c.id) for part in parts))


def is_in(states: Set[State]) -> ColumnElement[bool]:
    """Match by state; SQLite uses a partial index only for a query with exactly its condition in it."""
    if states == {State.WAITING}:
        return in_state(State.WAITING)
    if states <= LEASED_STATES:
        return and_(in_state(*sorted(states)), Implied(LEASED))
    # Of several states, the index of states has no common order.
    covered = UNREAD if len(states) == 1 and states <= UNREAD_STATES else SETTLED
    return and_(in_state(*sorted(states)), Implied(SETTLED), Implied(covered))


def _accepted(since: datetime | None, until: datetime | None) -> Iterator[ColumnElement[bool]]:
    """Match by the time of acceptance, and bound the ids, which begin with the time of the hand-over.

    A message may be accepted late, for example as a dead letter that is retried; the clock of its producer may differ.
    """
    if since:
        yield message.c.created_at >= since
        yield message.c.id >= id_at(since - LATEST_ACCEPTANCE)
    if until:
        yield message.c.created_at < until
        yield message.c.id < id_at(until + CLOCK_ERROR)


def id_at(moment: datetime, kind: str = "job") -> str:
    """Return the lowest id of a UUID of version 7 that begins with this time in milliseconds (RFC 9562)."""
    return f"{kind}_{int(moment.timestamp() * 1000):012x}"


def _word(value: Any) -> str:
    match value:
        case True:
            return "yes"
        case datetime():
            return iso_seconds(value)
        case str():
            return value
    return " or ".join(sorted(value))


def _has_id(key: str) -> ColumnElement[bool]:
    also = select(alias.c.message_id).where(alias.c.id == key).scalar_subquery()
    return or_(message.c.id == key, message.c.job_id == key, message.c.id == also)


def _is_about(kind: str, reference: str) -> ColumnElement[bool]:
    found = select(occasion.c.id).where(occasion.c.kind == kind, occasion.c.reference == reference)
    return message.c.occasion_id.in_(found)
