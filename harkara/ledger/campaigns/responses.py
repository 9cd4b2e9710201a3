"""How the recipients of a campaign respond: who has written, and who has opted out, since their message was sent."""

from __future__ import annotations

from sqlalchemy import and_, case, func, select

from harkara.ledger.tables import contact, message
from harkara.ledger.transaction import Transaction

SAME_CONTACT = and_(contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)

WROTE = contact.c.wrote_at > message.c.posted_at
OPTED_OUT = and_(contact.c.stopped.is_not(None), contact.c.wished_at > message.c.posted_at)


def count_responses(tx: Transaction, identity: str) -> tuple[int, int]:
    """Return how many recipients of the campaign have written, and how many have opted out."""
    sums = (func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in (WROTE, OPTED_OUT))
    mine = (message.c.campaign_id == identity, message.c.posted_at.is_not(None))
    wrote, opted_out = tx.execute(select(*sums).select_from(message).join(contact, SAME_CONTACT).where(*mine)).one()
    return int(wrote), int(opted_out)
