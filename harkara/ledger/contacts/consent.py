"""Record opt-outs and opt-ins with their proofs, and cancel the messages that a person no longer wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from harkara.inbound.contact import ConsentChoice, ContactState
from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.contacts.queries import PROOFS, proof_of
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.tables import consent, contact, message
from harkara.states import State

OPTED_OUT = "opted-out"
"""The code of a message that its recipient does not want."""


def record_consent(db: Database, lane: str, choices: Sequence[ConsentChoice]) -> list[str]:
    """Record the choices in one transaction, as `apply_consent` does. Raises Unavailable."""
    with db.write() as tx:
        return apply_consent(tx, lane, choices)


def apply_consent(tx: Transaction, lane: str, choices: Sequence[ConsentChoice]) -> list[str]:
    """Record the choices and cancel the messages that they forbid; return the ids of these messages.

    A choice counts from the time at which the person made it, however late it arrives: the state of a contact is the
    sum of all its proofs in the order of their times. Of two choices at the same time the opt-out counts. An opt-in
    restores no cancelled message.
    """
    if not choices:
        return []
    tx.execute(insert(consent), [_proof_row(lane, choice, tx.now) for choice in choices])
    contacts = _lock(tx, lane, {choice.recipient for choice in choices})
    for row in tx.rows(PROOFS.where(consent.c.lane == lane, consent.c.recipient.in_(list(contacts)))):
        proof = proof_of(row)
        contacts[proof.recipient] = contacts[proof.recipient].with_choice(proof.choice())
    tx.execute(
        update(contact)
        .where(contact.c.lane == lane, contact.c.recipient == bindparam("person"))
        .values({name: bindparam(f"new_{name}") for name in ("stopped", "agreed_at", "wished_at")}),
        [
            {"person": p, "new_stopped": c.stopped, "new_agreed_at": c.agreed_at, "new_wished_at": c.chosen_at}
            for p, c in contacts.items()
        ],
    )
    return _cancel_waiting(tx, lane, {person: found for person, found in contacts.items() if found.stopped})


def cancel_unwanted(tx: Transaction, unwanted: Mapping[str, str]) -> list[str]:
    """Cancel these messages, unless they have left; return the ids of the cancelled ones.

    `unwanted` gives for each id the objection of its recipient, as `ContactState.objection` returns it.
    """
    by_objection: dict[str, list[str]] = {}
    for message_id, objection in unwanted.items():
        by_objection.setdefault(objection, []).append(message_id)
    return [
        one for why, ids in by_objection.items() for one in cancel_messages(tx, ids, OPTED_OUT, f"This person {why}.")
    ]


def _proof_row(lane: str, choice: ConsentChoice, now: datetime) -> Row:
    return {
        "lane": lane,
        "recipient": choice.recipient,
        "at": min(choice.at, now),
        "wish": choice.action,
        "category": choice.category,
        "how": choice.how,
        "proof": choice.proof[:500],
    }


def _lock(tx: Transaction, lane: str, people: set[str]) -> dict[str, ContactState]:
    """Lock the contacts of these people until the transaction ends, and create missing ones; without their choices."""
    # Sorted, as everywhere: two transactions with the same people would otherwise deadlock.
    tx.execute(tx.insert_new(contact), [{"lane": lane, "recipient": person} for person in sorted(people)])
    rows = select(contact.c.recipient, contact.c.wrote_at).where(
        contact.c.lane == lane, contact.c.recipient.in_(people)
    )
    locked = tx.execute(rows.order_by(contact.c.recipient).with_for_update())
    return {recipient: ContactState(wrote_at=wrote_at) for recipient, wrote_at in locked}


def _cancel_waiting(tx: Transaction, lane: str, opted_out: Mapping[str, ContactState]) -> list[str]:
    """Cancel what has not left. A claimed message fails at its epoch, or at the gate when it comes back."""
    if not opted_out:
        return []
    to = (message.c.lane == lane, message.c.recipient.in_(list(opted_out)))
    candidates = select(message.c.id, message.c.recipient, message.c.category).where(*to)
    unwanted: dict[str, str] = {}
    for not_left in (in_state(State.WAITING), LEASED & in_state(State.QUEUED, State.CLAIMED)):
        for message_id, recipient, category in tx.execute(candidates.where(not_left)):
            if objection := opted_out[recipient].objection(category):
                unwanted[message_id] = objection
    # In the order of ids, as in every transaction that changes several messages: otherwise two could deadlock.
    ordered = select(message.c.id).where(message.c.id.in_(list(unwanted))).order_by(message.c.id)
    tx.execute(ordered.with_for_update())
    return cancel_unwanted(tx, unwanted)
