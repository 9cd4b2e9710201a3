"""Welcome: whom of an audience a campaign may write to, by what they themselves have said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from harkara.campaigns.audience import Recipient, Reject
from harkara.campaigns.columns import TO
from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.ledger.contacts.consent import OPTED_OUT
from harkara.ledger.contacts.contacts import load_contacts
from harkara.ledger.database import Database

BATCH = 500
"""People in one look."""

NOT_AGREED = "not-agreed"


def welcome(
    db: Database, lane: str, category: str, rows: Iterable[Recipient | Reject], *, agreed_only: bool = False
) -> Iterator[Recipient | Reject]:
    """Each row in its order; one of somebody who wants no such message is rejected as opted-out.

    With `agreed_only` so is one of whom no agreement to marketing is recorded, as not-agreed. Raises Unavailable.
    """
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        with db.read() as tx:
            people = load_contacts(tx, [(lane, row.to) for row in batch if isinstance(row, Recipient)])
        for row in batch:
            if isinstance(row, Recipient):
                yield _judged(row, people.get((lane, row.to), UNKNOWN_CONTACT), category, agreed_only)
            else:
                yield row


def _judged(row: Recipient, contact: ContactState, category: str, agreed_only: bool) -> Recipient | Reject:
    if why := contact.objection(category):
        return Reject(row.row, TO, why, OPTED_OUT)
    if agreed_only and contact.agreed_at is None:
        return Reject(row.row, TO, "has no recorded agreement to marketing", NOT_AGREED)
    return row
