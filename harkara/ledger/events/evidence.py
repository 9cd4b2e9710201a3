"""Negative evidence: whether webhooks show that a message in doubt did not arrive."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import exists, func, literal_column, select

from harkara.ledger.database import Row, Transaction
from harkara.ledger.tables import attempt, event, message, trace

BY_CONTENT = "by-content"
"""The code of a line in the trace: the event named no message, and was known by what it showed."""

BY_ID = "by-id"

NEAR = timedelta(minutes=5)
"""Of two messages that were POSTed within this, webhooks tell at about the same time."""

LATELY = timedelta(minutes=5)


def negative(tx: Transaction, doubtful: Row) -> bool:
    """Whether webhooks of its lane do arrive, and would have told of this message.

    They would, if they told of another of the same kind, POSTed soon after it, that was known by its content: a lost
    answer has no job id to be known by. And they must have come lately, or its own may only be late. Everything else
    is silence, which means nothing.
    """
    of_lane = (event.c.lane == doubtful["lane"], event.c.state == "folded", event.c.message_id.is_not(None))
    lately = select(event.c.id).where(*of_lane, event.c.received_at >= tx.now - LATELY)
    # From the POSTs of those minutes, of which a lane's allowance lets there be few; its events may be a million.
    neighbour = (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(
            attempt.c.lane == doubtful["lane"],
            attempt.c.started_at.between(doubtful["posted_at"], doubtful["posted_at"] + NEAR),
            attempt.c.message_id != doubtful["id"],
            message.c.kind == doubtful["kind"],
            exists().where(trace.c.message_id == attempt.c.message_id, trace.c.code == BY_CONTENT),
        )
    )
    return all(tx.execute(look.limit(1)).first() for look in (lately, neighbour))


def unread(tx: Transaction, doubtful: Row) -> bool:
    """Whether an event that came in time has not been looked at yet: it may be the one."""
    waits = select(event.c.id).where(
        event.c.state == literal_column("'new'"),
        event.c.tries == 0,
        # An expression, so that nothing but the index of what is new will do: of the lane there may be a million.
        func.coalesce(event.c.lane, "") == doubtful["lane"],
        event.c.received_at <= doubtful["resend_at"],
    )
    return tx.execute(waits.limit(1)).first() is not None
