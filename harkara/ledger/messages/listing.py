"""Pages and counts of messages. Each reads a bounded number of them, whatever the filter and the size of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, select, union_all
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from harkara.ledger.campaigns.responses import has_response
from harkara.ledger.conditions import SETTLED_STATES, UNREAD_STATES
from harkara.ledger.database import Database
from harkara.ledger.messages.search import (
    EVERY_MESSAGE,
    LATEST_ACCEPTANCE,
    MOST_COUNTED,
    NEWEST_FIRST,
    Count,
    MessageFilter,
    id_at,
    is_in,
)
from harkara.ledger.messages.summary import summary
from harkara.ledger.tables import campaign, message
from harkara.ledger.transaction import Transaction
from harkara.message_status import MessageSummary
from harkara.states import State

MOST_READ: Final = 10_000
"""Messages that a page reads by each index to find those that match."""

CLOCK_ERROR: Final = timedelta(minutes=15)
"""A list until a moment passes over the ids of so long after it, from producers whose clocks are ahead."""


_NOT_COMPARED: Final[dict[str, Any]] = dict.fromkeys(
    ("lane", "lanes", "producer", "campaign", "response", "since", "until")
)
"""Fields of a filter that are compared with the messages that an index finds."""


class PageOfMessages(NamedTuple):
    """Messages, the newest first. `before` is that of the next page, None on the last one.

    If the page is `cut`, it ends where MOST_READ messages were read: the next ones may have more that match, or none.
    """

    messages: Sequence[MessageSummary]
    before: str | None
    cut: bool = False


class _Part(NamedTuple):
    """The messages that one index finds, in one of these states if any are given; `others` must match as well."""

    states: Set[State] | None
    found: Sequence[ColumnElement[bool]]
    others: Callable[[ReadOnlyColumnCollection[str, Any]], Sequence[ColumnElement[bool]]]

    @property
    def whole(self) -> bool:
        """Whether all that the index finds matches."""
        return not self.others(message.c)

    def page(self, limit: int, most: int) -> Select[tuple[str]]:
        """Select the newest ids that match, at most `limit`, among the newest `most` that the index finds."""
        if self.whole:
            return select(message.c.id).where(*self.found).order_by(NEWEST_FIRST).limit(limit)
        read = self._read(most).subquery().c
        return select(read.id).where(*self.others(read)).order_by(read.id.desc()).limit(limit)

    def end(self, most: int) -> Select[tuple[str]]:
        """Select the last id that a page reads, none if the page reads all."""
        return select(message.c.id).where(*self.found).order_by(NEWEST_FIRST).offset(most - 1).limit(1)

    def numbers(self, most: int) -> Select[*tuple[Any, ...]]:
        """Select how many messages are read, one more than `most` if there are more, and how many of them match."""
        if self.whole:
            found = select(message.c.id).where(*self.found).limit(most + 1).subquery()
            return select(func.count(), func.count()).select_from(found)
        read = self._read(most + 1).subquery()
        matches = case((and_(*self.others(read.c)), 1))
        return select(func.count(), func.count(matches)).select_from(read)

    def _read(self, most: int) -> Select[Any]:
        columns = (message.c[name] for name in ("id", "lane", "producer", "campaign_id", "state", "created_at"))
        return select(*columns).where(*self.found).order_by(NEWEST_FIRST).limit(most)


def list_page(
    db: Database,
    wanted: MessageFilter = EVERY_MESSAGE,
    *,
    before: str | None = None,
    limit: int = 50,
    most: int = MOST_READ,
) -> PageOfMessages:
    """Return the newest messages that match, at most `limit`, among the newest `most` of each index.

    `before` is that of the page before. Raises Unavailable.
    """
    with db.read() as tx:
        parts = [*_parts(tx, wanted, [message.c.id < before] if before else [])]
        ids = union_all(*(select(part.page(limit + 1, most).subquery()) for part in parts))
        query = select(message).where(message.c.id.in_(ids)).order_by(NEWEST_FIRST).limit(limit + 1)
        ends = [select(part.end(most).subquery()) for part in parts if not part.whole]
        found = [summary(row) for row in tx.rows(query)]
        if len(found) > limit:
            return PageOfMessages(found[:limit], found[limit - 1].id)
        end = max(tx.execute(union_all(*ends)).scalars(), default=None) if ends else None
    if end is None:
        return PageOfMessages(found, None)
    return PageOfMessages([each for each in found if each.id >= end], end, cut=True)


def count_messages(db: Database, wanted: MessageFilter, most: int = MOST_COUNTED) -> Count:
    """Count the messages that match, up to `most`, among the newest `most` of each index. Raises Unavailable."""
    with db.read() as tx:
        numbers = union_all(*(part.numbers(most) for part in _parts(tx, wanted)))
        rows = tx.execute(numbers).all()
    number = sum(int(matching) for _, matching in rows)
    return Count(min(number, most), number <= most and all(read <= most for read, _ in rows))


def _parts(tx: Transaction, wanted: MessageFilter, older: Sequence[ColumnElement[bool]] = ()) -> Iterator[_Part]:
    """Yield the parts of what matches; no message is in two of them."""
    ids = ids_of_campaign(tx, wanted)
    for states in wanted.classes():
        if states and not states <= SETTLED_STATES:  # few, and their indexes have the lane
            yield _Part(states, [*found_open(wanted, states), *older], lambda _: [])
        else:
            others = partial(other_conditions, wanted, states)
            yield _Part(states, [*found_by_index(wanted, states, ids), *older], others)


def found_open(wanted: MessageFilter, states: Set[State]) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on what waits or is being sent, which is found by its state, never by a range of ids."""
    yield from replace(wanted, since=None, until=None).conditions()
    yield is_in(states)
    if wanted.since:
        yield message.c.created_at >= wanted.since
    if wanted.until:
        yield message.c.created_at < wanted.until


def found_by_index(
    wanted: MessageFilter, states: Set[State] | None, ids: Iterable[ColumnElement[bool]]
) -> Iterator[ColumnElement[bool]]:
    """Yield what an index compares, with the `ids` of `ids_of_campaign`.

    Ids begin with the time of the hand-over, which bounds that of the acceptance.
    """
    yield from replace(wanted, **_NOT_COMPARED).conditions()
    if states and states <= UNREAD_STATES:
        yield is_in(states)
    elif _by_person_or_template(wanted):
        yield is_in(SETTLED_STATES)  # in the words of their indexes
    yield from ids
    if wanted.since:
        yield message.c.id >= id_at(wanted.since - LATEST_ACCEPTANCE)
    if wanted.until:
        yield message.c.id < id_at(wanted.until + CLOCK_ERROR)


def ids_of_campaign(tx: Transaction, wanted: MessageFilter) -> list[ColumnElement[bool]]:
    """Return the condition on the ids from the first to the last of a campaign, if one is wanted.

    Few others are handed over while it is loaded. Of a campaign that an earlier release has loaded, they are not known
    for some seconds. PostgreSQL plans for their values, so they are read before.
    """
    if wanted.campaign is None:
        return []
    columns = (campaign.c.first_id, campaign.c.last_id)
    row = tx.execute(select(*columns).where(campaign.c.id == wanted.campaign, columns[0].is_not(None))).first()
    return [message.c.id.between(*row)] if row else []


def _by_person_or_template(wanted: MessageFilter) -> bool:
    return wanted.template is not None or wanted.recipients is not None


def other_conditions(
    wanted: MessageFilter, states: Set[State] | None, of: ReadOnlyColumnCollection[str, Any]
) -> list[ColumnElement[bool]]:
    """Return the conditions that no index has in the order of the ids, on these columns."""
    known = [SETTLED_STATES] if _by_person_or_template(wanted) else []
    found = (
        of.lane == wanted.lane if wanted.lane is not None else None,
        of.lane.in_(wanted.lanes) if wanted.lanes is not None else None,
        of.producer == wanted.producer if wanted.producer is not None else None,
        of.campaign_id == wanted.campaign if wanted.campaign is not None else None,
        of.state.in_(sorted(states)) if states and states not in known and not states <= UNREAD_STATES else None,
        _has_response(of, wanted.response) if wanted.response is not None else None,
        of.created_at >= wanted.since if wanted.since else None,
        of.created_at < wanted.until if wanted.until else None,
    )
    return [condition for condition in found if condition is not None]


def _has_response(of: ReadOnlyColumnCollection[str, Any], response: str) -> ColumnElement[bool]:
    return select(message.c.id).where(message.c.id == of.id, has_response(response)).exists()
