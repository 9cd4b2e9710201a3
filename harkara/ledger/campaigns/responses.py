"""How the recipients of a campaign respond: who has written, and who has opted out, since their message was sent.

A message whose number is erased has in `answered` and `opted_out` what was true until then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from harkara.ledger.tables import contact, message
from harkara.ledger.transaction import Transaction

SAME_CONTACT = and_(contact.c.lane == message.c.lane, contact.c.recipient == message.c.recipient)

WROTE = contact.c.wrote_at > message.c.posted_at
OPTED_OUT = and_(contact.c.stopped.is_not(None), contact.c.wished_at > message.c.posted_at)

RESPONSES: Final[Mapping[str, ColumnElement[bool]]] = {"written": WROTE, "opted-out": OPTED_OUT}
"""The responses by which messages can be searched."""


_KEPT = {"written": message.c.answered, "opted-out": message.c.opted_out}


def has_response(response: str) -> ColumnElement[bool]:
    """Match a message whose recipient has responded so, which is a key of RESPONSES."""
    return or_(contact_has(RESPONSES[response]), _KEPT[response])


def contact_has(response: ColumnElement[bool]) -> ColumnElement[bool]:
    """Match a message whose recipient is a known contact that meets the condition."""
    return select(contact.c.lane).where(SAME_CONTACT, response).correlate(message).exists()


def count_responses(tx: Transaction, identity: str) -> tuple[int, int]:
    """Return how many recipients of the campaign have written, and how many have opted out."""
    mine = (message.c.campaign_id == identity, message.c.posted_at.is_not(None))
    known = select(*_numbers(WROTE, OPTED_OUT)).select_from(message).join(contact, SAME_CONTACT).where(*mine)
    erased = select(*_numbers(message.c.answered, message.c.opted_out)).where(*mine, message.c.recipient.is_(None))
    (wrote, opted_out), (had_written, had_opted_out) = (tx.execute(query).one() for query in (known, erased))
    return int(wrote + had_written), int(opted_out + had_opted_out)


def _numbers(*conditions: ColumnElement[bool]) -> list[ColumnElement[int]]:
    return [func.coalesce(func.sum(case((each, 1), else_=0)), 0) for each in conditions]
