"""Search messages: the filters, their pages with the newest first, and bounded counts."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, union_all

from harkara.errors import Invalid
from harkara.ledger.conditions import LEASED, LEASED_STATES, SETTLED, SETTLED_STATES, in_state
from harkara.ledger.database import Database, Transaction
from harkara.ledger.messages.summary import summary
from harkara.ledger.tables import alias, message, occasion
from harkara.message_status import MessageSummary
from harkara.states import State

MOST_COUNTED = 10_000
"""Rows that a count reads; more are said as `10,000+`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """What a message must be; a field that is None or empty allows all.

    `id` is the message's own id, another that a client gave it, or Chat Mitra's job id. `lanes` restricts the result to
    these lanes, `recipients` to these names. `occasion` is a kind and a reference. `flagged` selects what may have been
    sent twice. `since` and `until` compare the time of acceptance.
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
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether all messages match, but for `lanes`, which are what the caller may see."""
        return not any(getattr(self, each.name) for each in fields(self) if each.name != "lanes")

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on `message`; each one that selects few rows has an index."""
        return [condition for condition in self._conditions() if condition is not None]

    def _conditions(self) -> tuple[ColumnElement[bool] | None, ...]:
        named = {"lane": self.lane, "reference": self.reference, "code": self.code, "producer": self.producer}
        named |= {"template": self.template, "campaign_id": self.campaign}
        return (
            *(message.c[name] == value for name, value in named.items() if value is not None),
            _has_id(self.id) if self.id is not None else None,
            is_in(set(self.states)) if self.states else None,
            message.c.lane.in_(self.lanes) if self.lanes is not None else None,
            _is_to(self.recipients) if self.recipients is not None else None,
            _is_about(*self.occasion) if self.occasion else None,
            literal_column("message.maybe_duplicate") if self.flagged else None,  # in the words of its index
            message.c.created_at >= self.since if self.since else None,
            message.c.created_at < self.until if self.until else None,
        )


class Count(NamedTuple):
    """A number of rows; if it is not `exact`, there are more."""

    number: int
    exact: bool = True

    def __str__(self) -> str:
        return f"{self.number:,}" + ("" if self.exact else "+")


EVERY_MESSAGE = MessageFilter()

NEWEST_FIRST = (message.c.created_at.desc(), message.c.id.desc())
"""By the time of acceptance; the messages of one transaction have the same."""


def list_messages(
    db: Database, wanted: MessageFilter = EVERY_MESSAGE, *, before: str | None = None, limit: int = 50
) -> list[MessageSummary]:
    """Return messages that match every filter, the newest first, at most `limit`.

    `before` is the last id of the page before. Raises Invalid if no message has it.
    """
    query = select(message).where(*wanted.conditions()).order_by(*NEWEST_FIRST).limit(limit)
    with db.read() as tx:
        if before:
            query = query.where(*_older_than(tx, before))
        return [summary(row) for row in tx.rows(query)]


def count_messages(db: Database, wanted: MessageFilter, most: int = MOST_COUNTED) -> Count:
    """Count the messages that match every filter, up to `most`."""
    found = select(message.c.id).where(*wanted.conditions()).limit(most + 1).subquery()
    with db.read() as tx:
        number = int(tx.execute(select(func.count()).select_from(found)).scalar_one())
    return Count(min(number, most), number <= most)


def is_in(states: Set[State]) -> ColumnElement[bool]:
    """Match by state; SQLite uses a partial index only for a query with exactly its condition in it."""
    chosen = in_state(*sorted(states))
    if states <= LEASED_STATES:
        return and_(chosen, LEASED)
    # Of several states, the index has no common order: the newest of most messages are found without it.
    return and_(chosen, SETTLED) if len(states) == 1 and states <= SETTLED_STATES else chosen


def _older_than(tx: Transaction, identity: str) -> tuple[ColumnElement[bool], ...]:
    at = tx.execute(select(message.c.created_at).where(message.c.id == identity)).scalar()
    if at is None:
        raise Invalid("before", "is not the id of a message")
    return message.c.created_at <= at, or_(message.c.created_at < at, message.c.id < identity)


def _has_id(key: str) -> ColumnElement[bool]:
    also = select(alias.c.message_id).where(alias.c.id == key).scalar_subquery()
    return or_(message.c.id == key, message.c.job_id == key, message.c.id == also)


def _is_to(recipients: Collection[str]) -> ColumnElement[bool]:
    """Match by recipient: in the index of what waits, in that of what is settled, and among the few that are leased."""
    named = select(message.c.id).where(message.c.recipient.in_(recipients), message.c.recipient.is_not(None))
    return message.c.id.in_(union_all(*(named.where(which) for which in (in_state(State.WAITING), LEASED, SETTLED))))


def _is_about(kind: str, reference: str) -> ColumnElement[bool]:
    found = select(occasion.c.id).where(occasion.c.kind == kind, occasion.c.reference == reference)
    return message.c.occasion_id.in_(found)
