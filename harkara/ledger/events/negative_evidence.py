"""Negative evidence: whether webhooks show that an uncertain message did not arrive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import exists, func, literal_column, select

from harkara.ledger.events.stored_event import EventState
from harkara.ledger.tables import attempt, event, message, trace
from harkara.ledger.transaction import Transaction

BY_CONTENT = "by-content"
"""The code of a trace line whose event named no message and matched by its content."""

BY_ID = "by-id"

NEAR = timedelta(minutes=5)
"""Webhooks of two messages that were POSTed within this time arrive at about the same time."""

RECENT = timedelta(minutes=5)
"""How old the last webhook of a lane may be to show that its webhooks arrive."""


class DoubtfulMessage(NamedTuple):
    """An uncertain message whose resend is due."""

    id: str
    lane: str
    kind: str
    posted_at: datetime
    resend_at: datetime


def has_negative_evidence(tx: Transaction, doubtful: DoubtfulMessage) -> bool:
    """Return whether webhooks of the lane arrive, and would have reported this message.

    They would if they reported a similar message: of the same kind, POSTed soon after, and matched by its content. A
    match by job id does not count, since a message without an answer has no job id. The webhooks must be recent, or the
    one of this message may only be late. In any other case the silence means nothing.
    """
    of_lane = (
        event.c.lane == doubtful.lane,
        event.c.state == EventState.APPLIED.value,
        event.c.message_id.is_not(None),
    )
    recent_webhook = select(event.c.id).where(*of_lane, event.c.received_at >= tx.now - RECENT)
    # The query starts from the POSTs of those minutes, which the allowance limits; the lane may have a million events.
    similar_message = (
        select(attempt.c.message_id)
        .join(message, message.c.id == attempt.c.message_id)
        .where(
            attempt.c.lane == doubtful.lane,
            attempt.c.started_at.between(doubtful.posted_at, doubtful.posted_at + NEAR),
            attempt.c.message_id != doubtful.id,
            message.c.kind == doubtful.kind,
            exists().where(trace.c.message_id == attempt.c.message_id, trace.c.code == BY_CONTENT),
        )
    )
    return all(tx.execute(query.limit(1)).first() for query in (recent_webhook, similar_message))


def has_unread_event(tx: Transaction, doubtful: DoubtfulMessage) -> bool:
    """Return whether an event that came in time is not applied yet: it may be about this message."""
    unread = select(event.c.id).where(
        event.c.state == literal_column(f"'{EventState.NEW}'"),
        event.c.tries == 0,
        # An expression, so that only the index of new events fits: the lane may have a million other events.
        func.coalesce(event.c.lane, "") == doubtful.lane,
        event.c.received_at <= doubtful.resend_at,
    )
    return tx.execute(unread.limit(1)).first() is not None
