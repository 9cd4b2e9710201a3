"""One-time codes by number: how many were sent within the hour, and how many are claimed now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import and_, exists, literal_column, or_, select

from harkara.ledger.conditions import ARRIVED, in_state
from harkara.ledger.tables import attempt, message
from harkara.ledger.transaction import Transaction
from harkara.people.spellings import canonical, spellings
from harkara.states import State

HOUR_SECONDS = 3600.0


@dataclass(slots=True)
class RecentCodes:
    """The ids of the messages with a code for one number."""

    sent: set[str] = field(default_factory=set)
    claimed: set[str] = field(default_factory=set)


def recent_codes(tx: Transaction, recipients: Iterable[str]) -> dict[str, RecentCodes]:
    """Return, by canonical number, the codes that may have reached Chat Mitra within the hour, and the claimed ones.

    The spellings of one number count together.
    A code that was refused, or whose connection failed, reached no person and does not count.
    """
    found: dict[str, RecentCodes] = defaultdict(RecentCodes)
    wanted = sorted({spelling for number in recipients for spelling in spellings(number)})
    if not wanted:
        return found
    hour_ago = tx.now - timedelta(seconds=HOUR_SECONDS)
    arrived = exists().where(
        attempt.c.message_id == message.c.id,
        attempt.c.started_at > hour_ago,
        ARRIVED,
    )
    query = select(message.c.id, message.c.recipient, arrived.label("arrived")).where(
        literal_column("category = 'authentication'"),
        message.c.recipient.in_(wanted),
        or_(and_(message.c.posted_at > hour_ago, arrived), in_state(State.CLAIMED)),
    )
    for row in tx.execute(query):
        codes = found[canonical(row.recipient)]
        (codes.sent if row.arrived else codes.claimed).add(row.id)
    return found
