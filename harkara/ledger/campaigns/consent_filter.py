"""Rejects the recipients of a campaign who opted out, or who never agreed to marketing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from harkara.campaigns.audience import Recipient, Reject
from harkara.campaigns.columns import TO
from harkara.inbound.contact import UNKNOWN_CONTACT, ContactState
from harkara.ledger.contacts.consent import OPTED_OUT
from harkara.ledger.contacts.contacts import load_contacts, recall_erased
from harkara.ledger.database import Database
from harkara.ledger.transaction import Transaction

BATCH_SIZE = 500
"""Contacts that one query loads."""

NOT_AGREED = "not-agreed"


def filter_by_consent(
    db: Database,
    lane: str,
    category: str,
    rows: Iterable[Recipient | Reject],
    *,
    agreed_only: bool = False,
    erasure_key: str | None = None,
) -> Iterator[Recipient | Reject]:
    """Yield each row in order, as a Reject `opted-out` for a recipient who opted out of the category.

    With `agreed_only`, a recipient without a recorded agreement to marketing is a Reject `not-agreed`. With
    `erasure_key`, an opt-out counts also if its person was erased since. Raises Unavailable.
    """
    rows = iter(rows)
    while batch := list(islice(rows, BATCH_SIZE)):
        with db.read() as tx:
            contacts = _contacts(tx, lane, [row.to for row in batch if isinstance(row, Recipient)], erasure_key)
        for row in batch:
            if isinstance(row, Recipient):
                yield _filter(row, contacts.get(row.to, UNKNOWN_CONTACT), category, agreed_only)
            else:
                yield row


def _contacts(tx: Transaction, lane: str, names: Sequence[str], erasure_key: str | None) -> dict[str, ContactState]:
    """Return what is known about the recipients; most of a campaign may be unknown."""
    states = load_contacts(tx, [(lane, name) for name in names])
    if erasure_key:
        unknown = {(lane, name): UNKNOWN_CONTACT for name in names}
        states = recall_erased(tx, unknown | states, erasure_key)
    return {name: state for (_, name), state in states.items()}


def _filter(row: Recipient, contact: ContactState, category: str, agreed_only: bool) -> Recipient | Reject:
    if objection := contact.objection(category):
        return Reject(row.row, TO, objection, OPTED_OUT)
    if agreed_only and contact.agreed_at is None:
        return Reject(row.row, TO, "has no recorded agreement to marketing", NOT_AGREED)
    return row
