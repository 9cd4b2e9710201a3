"""Choices about marketing that a person made in WhatsApp's own menu."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from harkara.inbound.contact import ConsentAction, ConsentChoice
from harkara.ledger.callbacks.notify import notify
from harkara.ledger.contacts.consent import apply_consent, link_names
from harkara.ledger.contacts.customer import customer_data
from harkara.ledger.transaction import Transaction

STOPPED_MARKETING = "131050"
"""WhatsApp's code for marketing to a person who has stopped it; only their choice to resume ends it (Meta: errors)."""

_CALLBACKS: dict[ConsentAction, str] = {"opt-out": "contact.opted-out", "opt-in": "contact.opted-in"}


def apply_marketing_choice(
    tx: Transaction, lane: str, names: Sequence[str], action: ConsentAction, proof: str, at: datetime, subject: str
) -> None:
    """Record the choice of the person with these names, and write its callback. `subject` is the id of its cause."""
    at = min(at, tx.now)
    person = link_names(tx, lane, names)
    choice = ConsentChoice(recipient=names[0], action=action, category="marketing", how="customer", proof=proof, at=at)
    apply_consent(tx, lane, [choice])
    notify(tx, _CALLBACKS[action], lane, subject, customer_data(names, person, at) | {"category": choice.category})


def apply_marketing_stop(tx: Transaction, lane: str, names: Sequence[str], at: datetime, subject: str) -> None:
    """Record the opt-out that the code STOPPED_MARKETING shows."""
    proof = f"WhatsApp refused a message with the code {STOPPED_MARKETING}."
    apply_marketing_choice(tx, lane, names, "opt-out", proof, at, subject)
