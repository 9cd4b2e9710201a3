"""How the recipients of a campaign respond: who has written, and who has opted out, since their message was sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, select

from harkara.ledger.tables import contact, message
from harkara.ledger.transaction import Transaction

SAME_CONTACT = and_(contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)

WROTE = contact.c.wrote_at > message.c.posted_at
OPTED_OUT = and_(contact.c.stopped.is_not(None), contact.c.wished_at > message.c.posted_at)

RESPONSES: Final[Mapping[str, ColumnElement[bool]]] = {"written": WROTE, "opted-out": OPTED_OUT}
"""The responses by which messages can be searched."""


def has_response(response: str) -> ColumnElement[bool]:
    """Match a message whose recipient has responded so, which is a key of RESPONSES."""
    return select(contact.c.lane).where(SAME_CONTACT, RESPONSES[response]).correlate(message).exists()


def count_responses(tx: Transaction, identity: str) -> tuple[int, int]:
    """Return how many recipients of the campaign have written, and how many have opted out."""
    sums = (func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in (WROTE, OPTED_OUT))
    mine = (message.c.campaign_id == identity, message.c.posted_at.is_not(None))
    wrote, opted_out = tx.execute(select(*sums).select_from(message).join(contact, SAME_CONTACT).where(*mine)).one()
    return int(wrote), int(opted_out)
