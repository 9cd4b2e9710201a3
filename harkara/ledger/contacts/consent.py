"""Record opt-outs and opt-ins with their proofs, and cancel the messages that a person no longer wants."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select

from harkara.inbound.contact import ConsentChoice
from harkara.ledger.applied_entries import mark_applied
from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.contacts.people import Link, Person, join
from harkara.ledger.conversations.record import raise_revisions
from harkara.ledger.database import Database
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.tables import consent, message
from harkara.ledger.transaction import Row, Transaction
from harkara.ledger.users.acts import Actor, record_act
from harkara.states import State

OPTED_OUT = "opted-out"
"""The code of a message that its recipient does not want."""


def record_consent(
    db: Database,
    lane: str,
    choices: Sequence[ConsentChoice],
    entries: Sequence[str] | None = None,
    made_at: Sequence[float | None] | None = None,
    by: Actor | None = None,
) -> list[str]:
    """Record the choices in one transaction, as `apply_consent` does. Raises Unavailable.

    `entries` are the entries that the choices come from, if these may be delivered twice (see `mark_applied`).
    `made_at` is `time.monotonic()` of this process at each choice, if known: the ledger's clock then gives its time.
    Each choice is an act of `by`, if it is given.
    """
    with db.write() as tx:
        if made_at is not None:
            pairs = zip(choices, made_at, strict=True)
            choices = [each if moment is None else replace(each, at=tx.time_of(moment)) for each, moment in pairs]
        if entries is not None:
            choices = [choice for choice, entry in zip(choices, entries, strict=True) if mark_applied(tx, entry)]
        cancelled = apply_consent(tx, lane, choices)
        if by:
            _record_acts(tx, lane, choices, by, len(cancelled))
        return cancelled


def apply_consent(tx: Transaction, lane: str, choices: Sequence[ConsentChoice]) -> list[str]:
    """Record the choices and cancel the messages that they forbid; return the ids of these messages.

    A choice counts from the time at which the person made it, however late it arrives: the state of a person is the
    sum of all proofs under all their names in the order of their times. Of two choices at the same time the opt-out
    counts. An opt-in restores no cancelled message. A proof that is stored already is not stored twice.
    """
    if not choices:
        return []
    if new := _new_proofs(tx, lane, choices):
        tx.execute(insert(consent), new)
    people = join(tx, lane, [[choice.recipient] for choice in choices], chosen=True)
    return _apply_changes(tx, lane, people, chosen={row["recipient"] for row in new})


def link_names(tx: Transaction, lane: str, link: Link, *, wrote_at: datetime | None = None) -> Person:
    """Record that these names are one person's, who wrote at `wrote_at` if it is given; return the person.

    An opt-out under one of the names cancels what waits for the others. The latest time of a message stays, in
    whatever order messages arrive and however many workers record them at once; it opens the 24-hour window.
    """
    (person,) = join(tx, lane, [link], wrote_at=wrote_at)
    if person.changed or person.linked:
        _apply_changes(tx, lane, [person])
    return person


def settle(tx: Transaction, lane: str, names: Collection[str]) -> None:
    """Give all names of these people the sum of their choices, and cancel the messages that they forbid."""
    _apply_changes(tx, lane, join(tx, lane, [[name] for name in names], chosen=True), chosen=set(names))


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


def _record_acts(tx: Transaction, lane: str, choices: Sequence[ConsentChoice], by: Actor, cancelled: int) -> None:
    for choice in choices:
        kind = "contact.opted-out" if choice.action == "opt-out" else "contact.opted-in"
        record_act(tx, by, kind, f"{lane} {choice.recipient}", filter=choice.category, number=cancelled)


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


def _new_proofs(tx: Transaction, lane: str, choices: Sequence[ConsentChoice]) -> list[Row]:
    rows = [_proof_row(lane, choice, tx.now) for choice in choices]
    people = {row["recipient"] for row in rows}
    stored = tx.rows(select(consent).where(consent.c.lane == lane, consent.c.recipient.in_(people)))
    known = {_identity(row) for row in stored}
    return list({_identity(row): row for row in rows if _identity(row) not in known}.values())


def _identity(proof: Row) -> tuple[object, ...]:
    return tuple(proof[name] for name in ("recipient", "at", "wish", "category", "how", "proof"))


def _apply_changes(tx: Transaction, lane: str, people: Sequence[Person], chosen: Set[str] = frozenset()) -> list[str]:
    """Raise the revision of the conversations whose person has changed, and cancel what these people do not want.

    `chosen` are names with a new proof: it is part of the conversation, even if a later choice counts.
    """
    changed = [each.id for each in people if each.changed or each.linked or not chosen.isdisjoint(each.names)]
    raise_revisions(tx, lane, changed)
    return _cancel_waiting(tx, lane, people)


def _cancel_waiting(tx: Transaction, lane: str, people: Sequence[Person]) -> list[str]:
    """Cancel what has not left. A claimed message fails at its epoch, or at the gate when it comes back."""
    opted_out = {name: person.state for person in people if person.state.stopped for name in person.names}
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
