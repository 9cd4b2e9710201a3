"""Load what is known about contacts, for the checks of messages to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from sqlalchemy import select, text

from harkara.inbound.contact import ContactState
from harkara.ledger.tables import contact
from harkara.ledger.tables.contacts import ERASED
from harkara.ledger.transaction import Transaction
from harkara.people.pseudonym import pseudonym

ContactKey = tuple[str, str]
"""A lane and a name of a person: a phone number or a user id."""


def load_contacts(tx: Transaction, keys: Collection[ContactKey]) -> dict[ContactKey, ContactState]:
    """Return the contacts among these keys that have written or chosen.

    One look-up by name is enough, since all names of a person have the same state.
    """
    return _load(tx, _LOAD, keys) if keys else {}


def load_opted_out(tx: Transaction, keys: Collection[ContactKey]) -> dict[ContactKey, ContactState]:
    """Return the contacts among these keys that have an opt-out. Every call of `accept` runs this query."""
    return _load(tx, f"{_LOAD} WHERE contact.stopped IS NOT NULL", keys) if keys else {}


def recall_erased(
    tx: Transaction, known: Mapping[ContactKey, ContactState], key: str
) -> dict[ContactKey, ContactState]:
    """Return these contacts with the choices that people made before they were erased.

    `key` is that of the pseudonyms. Of the choice before an erasure and one that is known since, the later counts.
    """
    erased = {(lane, name): (lane, pseudonym(key, name)) for lane, name in known}
    kept = load_contacts(tx, erased.values())
    recalled = dict(known)
    for contact_key, state in known.items():
        before = kept.get(erased[contact_key])
        if before and before.chosen_at and (state.chosen_at is None or state.chosen_at < before.chosen_at):
            recalled[contact_key] = replace(before, wrote_at=state.wrote_at)
    return recalled


def any_erased(tx: Transaction) -> bool:
    """Return whether a person whose data was erased has opted out."""
    return tx.execute(select(contact.c.recipient).where(text(ERASED)).limit(1)).first() is not None


_COLUMNS = tuple(contact.c[name] for name in ("lane", "recipient", "wrote_at", "stopped", "agreed_at", "wished_at"))

# SQL text, since it is on the hot path: it runs before every acceptance and for every chunk of messages to send.
_LOAD = f"""
SELECT {", ".join(f"contact.{column.name}" for column in _COLUMNS)} FROM contact
JOIN {{each}} ON contact.lane = each.lane AND contact.recipient = each.person
"""


def _load(tx: Transaction, statement: str, keys: Collection[ContactKey]) -> dict[ContactKey, ContactState]:
    people = [{"lane": lane, "person": person} for lane, person in set(keys)]
    rows = tx.execute_each(statement, {"lane": "text", "person": "text"}, people, returning=_COLUMNS)
    return {
        (lane, recipient): ContactState(wrote_at=wrote_at, stopped=stopped, agreed_at=agreed_at, chosen_at=chosen_at)
        for lane, recipient, wrote_at, stopped, agreed_at, chosen_at in rows
    }
