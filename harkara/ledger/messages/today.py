"""What has become of the messages that were accepted since a moment, such as the beginning of the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import case, func, select

from harkara.ledger.database import Database
from harkara.ledger.messages.search import NEWEST_FIRST, id_at
from harkara.ledger.tables import message
from harkara.states import State

MOST_READ: Final = 10_000
"""Messages that are read, the newest ones."""

LATE: Final = timedelta(hours=1)
"""A message that a producer handed over so long before is read as well: it may have been accepted since."""


class StateCounts(NamedTuple):
    """The number of messages in each state; if they are not `all`, more were accepted, before the newest."""

    by_state: Mapping[State, int]
    all: bool

    def number(self, *states: State) -> int:
        """Return the number of messages in one of these states, in any without one."""
        return sum(self.by_state.get(state, 0) for state in states or State)


def count_states_since(
    db: Database, since: datetime, lanes: Collection[str] | None = None, *, most: int = MOST_READ
) -> StateCounts:
    """Count the messages that were accepted since a moment by state, the newest `most` of all lanes.

    Those of `lanes` are counted, None for all. What a producer handed over more than an hour before is left out: to
    read the messages of another day would take as long as those of this one.
    Raises Unavailable.
    """
    columns = (message.c.state, message.c.lane, message.c.created_at)
    handed_over = message.c.id >= id_at(since - LATE)
    # The limit is that of the read, so the time of the acceptance is compared behind it.
    read = select(*columns).where(handed_over).order_by(NEWEST_FIRST).limit(most + 1).subquery()
    accepted = func.count(case((read.c.created_at >= since, 1)))
    with db.read() as tx:
        query = select(read.c.state, read.c.lane, func.count(), accepted).group_by(read.c.state, read.c.lane)
        rows = tx.execute(query).all()
    by_state: Counter[State] = Counter()
    for state, lane, _, number in rows:
        if lanes is None or lane in lanes:
            by_state[State(state)] += number
    return StateCounts(by_state, sum(row[2] for row in rows) <= most)
