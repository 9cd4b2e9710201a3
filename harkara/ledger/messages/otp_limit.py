"""One-time codes by number: how many went out lately, and how many are about to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import and_, exists, literal_column, or_, select

from harkara.ledger.conditions import in_state
from harkara.ledger.database import Transaction
from harkara.ledger.tables import attempt, message
from harkara.states import State

HOUR = 3600.0


@dataclass(slots=True)
class RecentCodes:
    """The ids of the messages with a code for one number."""

    sent: set[str] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)


def recent_codes(tx: Transaction, recipients: Iterable[str]) -> dict[str, RecentCodes]:
    """For each number: the codes that may have reached Chat Mitra within the hour, and those that a worker holds now.

    One that was refused, or whose connection failed, reached nobody and does not count.
    """
    found: dict[str, RecentCodes] = defaultdict(RecentCodes)
    wanted = sorted(set(recipients))
    if not wanted:
        return found
    hour_ago = tx.now - timedelta(seconds=HOUR)
    went = exists().where(
        attempt.c.message_id == message.c.id,
        attempt.c.started_at > hour_ago,
        or_(attempt.c.outcome.is_(None), attempt.c.outcome.in_(("accepted", "uncertain"))),
    )
    query = select(message.c.id, message.c.recipient, went.label("went")).where(
        literal_column("category = 'authentication'"),
        message.c.recipient.in_(wanted),
        or_(and_(message.c.posted_at > hour_ago, went), in_state(State.CLAIMED)),
    )
    for row in tx.execute(query):
        (found[row.recipient].sent if row.went else found[row.recipient].claimed).add(row.id)
    return found
