"""Negative evidence: whether events show that a message in doubt did not arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, literal_column

from harkara.ledger.tables import event, message, trace

BY_CONTENT = "by-content"
"""The code of a line in the trace: the event named no message, and was known by what it showed."""

BY_ID = "by-id"

LATELY = timedelta(minutes=5)


def negative(now: datetime) -> ColumnElement[bool]:
    """Whether webhooks of the message's lane do arrive, and would have told of it.

    They would, if they told lately of a message of the same kind that was POSTed later, and that was known by its
    content: the id of a job says nothing here, since a lost answer has none. Without that, silence means nothing.
    """
    other = message.alias("other")
    recognised = exists().where(trace.c.message_id == other.c.id, trace.c.code == BY_CONTENT)
    return exists().where(
        event.c.lane == message.c.lane,
        event.c.received_at >= now - LATELY,
        event.c.state == "folded",
        other.c.id == event.c.message_id,
        other.c.id != message.c.id,
        other.c.kind == message.c.kind,
        other.c.posted_at >= message.c.posted_at,
        recognised,
    )


def unread() -> ColumnElement[bool]:
    """Whether an event that came in time has not been looked at yet: it may be the one."""
    return exists().where(
        and_(event.c.state == literal_column("'new'"), event.c.tries == 0),
        event.c.lane == message.c.lane,
        event.c.received_at <= message.c.resend_at,
    )
