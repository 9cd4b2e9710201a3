"""Filters as people write them: a campaign by its name, an occasion by its reference, a person by a number."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from harkara.errors import Invalid
from harkara.ledger.campaigns.queries import get_campaign
from harkara.ledger.contacts.queries import all_names
from harkara.ledger.database import Database
from harkara.ledger.messages.search import MessageFilter, list_messages
from harkara.ledger.tables import message


def named_filter(
    db: Database,
    *,
    lanes: Collection[str] | None,
    campaign: str | None = None,
    occasion: str | None = None,
    to: str | None = None,
    like: str | None = None,
    **same: Any,
) -> MessageFilter:
    """Return the filter of a caller or a user, who sees these lanes alone. `same` are fields of the filter.

    `occasion` is its kind, a slash and its reference. `like` is the id of a message to the same person. Raises Invalid,
    and NotFound for an unknown campaign.
    """
    names = None if to is None else all_names(db, to, lanes)
    return MessageFilter(
        **same,
        lanes=lanes,
        campaign=None if campaign is None else get_campaign(db, campaign, lanes=lanes).id,
        occasion=None if occasion is None else _occasion(occasion),
        recipients=names if like is None else _names_like(db, like, lanes),
    )


def find_filter(db: Database, text: str, lanes: Collection[str] | None) -> tuple[str, str] | None:
    """Return the filter that a text means, and its value: `id`, `reference`, or `like` for a person's number.

    The value of `like` is the newest message to the person, and a reference of digits alone may be a number too: so a
    number is in no filter. None if nothing of these lanes has this text.
    """
    if list_messages(db, MessageFilter(id=text, lanes=lanes), limit=1):
        return "id", text
    if found := list_messages(db, MessageFilter(reference=text, lanes=lanes), limit=1):
        return ("id", found[0].id) if text.isdecimal() else ("reference", text)
    try:
        found = list_messages(db, MessageFilter(recipients=all_names(db, text, lanes), lanes=lanes), limit=1)
    except Invalid:
        return None
    return ("like", found[0].id) if found else None


def _names_like(db: Database, identity: str, lanes: Collection[str] | None) -> set[str]:
    """Return all names of the recipient of a message: so an address need not contain a number.

    There are none for an unknown message, one of another lane, and one whose number is erased.
    """
    query = select(message.c.recipient).where(message.c.id == identity, message.c.recipient.is_not(None))
    if lanes is not None:
        query = query.where(message.c.lane.in_(lanes))
    with db.read() as tx:
        found = tx.execute(query).scalar()
    if found is None:
        return set()
    try:
        return all_names(db, f"+{found}", lanes)  # without the +, it may be read as another person's number
    except Invalid:  # the ledger may hold digits that no numbering plan has
        return {found}


def _occasion(text: str) -> tuple[str, str]:
    kind, _, reference = text.partition("/")
    if not kind or not reference:
        raise Invalid("occasion", "must be its kind, a slash and its reference, such as appointment/visit-7")
    return kind, reference
