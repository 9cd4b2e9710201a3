"""One-time codes by number: how many went out lately, and how many are about to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import and_, or_, select

from harkara.ledger.claim import in_state
from harkara.ledger.database import Transaction
from harkara.ledger.tables import message
from harkara.states import State

HOUR = 3600.0


@dataclass(slots=True)
class Codes:
    """The ids of the messages with a code for one number."""

    sent: set[str] = field(default_factory=set)
    in_hand: set[str] = field(default_factory=set)


def codes(tx: Transaction, recipients: Iterable[str]) -> dict[str, Codes]:
    """For each number: the codes of the last hour, and those that some worker holds right now."""
    found: dict[str, Codes] = defaultdict(Codes)
    wanted = sorted(set(recipients))
    if not wanted:
        return found
    lately = message.c.posted_at > tx.now - timedelta(seconds=HOUR)
    query = select(message.c.id, message.c.recipient, message.c.state).where(
        message.c.category == "authentication",
        message.c.recipient.in_(wanted),
        or_(and_(lately, message.c.state != State.FAILED.value), in_state(State.CLAIMED)),
    )
    for identity, recipient, state in tx.execute(query):
        which = found[recipient].in_hand if state == State.CLAIMED else found[recipient].sent
        which.add(identity)
    return found
