"""How messages flow through a lane: POSTs a minute, what is due now, and what becomes due in the next hours.

Every query reads a bounded number of rows, by an index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Integer, cast, extract, func, literal_column, select

from harkara.ledger.conditions import in_state
from harkara.ledger.database import Database
from harkara.ledger.messages.due import Flow, due_flows, held_producers
from harkara.ledger.messages.search import Count
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Transaction
from harkara.states import State

MOST_READ: Final = 30_000
"""Rows of a lane that each answer reads."""

PRIORITIES: Final = (0, 1, 2, 3)


_FIRST: Final = literal_column("1", Integer)
"""The first column of a result, to group by: its parameters would differ from those of the column."""


class DueMessages(NamedTuple):
    """The due messages of a lane and a priority, and since when the oldest of them is due."""

    lane: str
    priority: int
    number: Count
    since: datetime

    def with_more(self, other: DueMessages) -> DueMessages:
        """Return these messages and those of another producer."""
        number = Count(self.number.number + other.number.number, self.number.exact and other.number.exact)
        return self._replace(number=number, since=min(self.since, other.since))


Hour = Sequence[int]
"""The number of messages that become due in an hour, by priority."""


def posts_by_minute(
    db: Database, lane: str, first: datetime, minutes: int, *, most: int = MOST_READ
) -> list[int | None]:
    """Return how many messages were POSTed in each minute from `first` on.

    None for the earliest minutes if more POSTs than `most` follow. Raises Unavailable.
    """
    read = (
        select(attempt.c.started_at, attempt.c.weight)
        .where(
            attempt.c.lane == lane,
            attempt.c.started_at >= first,
            attempt.c.started_at < first + timedelta(minutes=minutes),
        )
        .order_by(attempt.c.started_at.desc())
        .limit(most + 1)
        .subquery()
    )
    with db.read() as tx:
        minute = _steps(tx, read.c.started_at, first, 60)
        rows = tx.execute(select(minute, func.count(), func.sum(read.c.weight)).group_by(_FIRST)).all()
    sums = {row[0]: int(row[2]) for row in rows}
    known = 0 if sum(row[1] for row in rows) <= most else min(sums) + 1
    return [None if place < known else sums.get(place, 0) for place in range(minutes)]


def planned_by_hour(
    db: Database, lane: str, first: datetime, hours: int, *, most: int = MOST_READ
) -> list[Hour | None]:
    """Return the waiting messages that become due in each hour from `first` on; what is due already does not count.

    None for the latest hours if more messages than `most` are due before. Raises Unavailable.
    """
    with db.read() as tx:
        read = (
            select(message.c.due_at, message.c.priority)
            .where(
                message.c.lane == lane,
                in_state(State.WAITING),
                message.c.due_at > max(first, tx.now),
                message.c.due_at < first + timedelta(hours=hours),
            )
            .order_by(message.c.due_at)
            .limit(most + 1)
            .subquery()
        )
        hour = _steps(tx, read.c.due_at, first, 3600)
        rows = tx.execute(select(hour, read.c.priority, func.count()).group_by(_FIRST, read.c.priority)).all()
    found = {(row[0], row[1]): int(row[2]) for row in rows}
    known = hours if sum(found.values()) <= most else max(place for place, _ in found)
    return [[found.get((place, each), 0) for each in PRIORITIES] if place < known else None for place in range(hours)]


def due_by_priority(db: Database, lanes: Collection[str], *, most: int = MOST_READ) -> list[DueMessages]:
    """Return the due messages of these lanes by lane and priority, without those on hold, such as paused campaigns.

    At most `most` of each producer are counted. Raises Unavailable.
    """
    numbers: dict[tuple[str, int], DueMessages] = {}
    with db.read() as tx:
        held = held_producers(tx)
        for flow in due_flows(tx):
            if flow.lane in lanes and (flow.lane, flow.producer) not in held:
                found = _due_of_flow(tx, flow, most)
                key = flow.lane, flow.priority
                numbers[key] = numbers[key].with_more(found) if key in numbers else found
    return list(numbers.values())


def _due_of_flow(tx: Transaction, flow: Flow, most: int) -> DueMessages:
    due = (
        select(message.c.due_at)
        .where(
            message.c.lane == flow.lane,
            message.c.priority == flow.priority,
            message.c.producer == flow.producer,
            in_state(State.WAITING),
            message.c.due_at <= tx.now,
        )
        .order_by(message.c.due_at)
        .limit(most + 1)
        .subquery()
    )
    number, since = tx.execute(select(func.count(), func.min(due.c.due_at))).one()
    return DueMessages(flow.lane, flow.priority, Count(min(number, most), number <= most), since or tx.now)


def _steps(tx: Transaction, column: ColumnElement[datetime], first: datetime, seconds: int) -> ColumnElement[int]:
    """Return how many whole steps of so many seconds are between `first` and the column, which is later."""
    epoch = extract("epoch", column)
    whole = epoch if tx.sqlite else cast(func.floor(epoch), BigInteger)
    return (whole - int(first.timestamp())) // seconds
