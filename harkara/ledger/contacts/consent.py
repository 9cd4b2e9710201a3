"""Consent: keeps every opt-out and opt-in with its proof, and withdraws what nobody wants any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from harkara.errors import NotFound
from harkara.inbound.contact import Contact, Wish
from harkara.ledger.conditions import LEASED, in_state
from harkara.ledger.database import Database, Row, Transaction
from harkara.ledger.messages.commands import cancel_messages
from harkara.ledger.tables import consent, contact, message
from harkara.states import State

OPTED_OUT = "opted-out"
"""The code of a message that its recipient does not want."""

_PAGE = 1000


def keep(db: Database, lane: str, wishes: Sequence[Wish]) -> list[str]:
    """Keeps the wishes, all or none, as `take` does. Raises Unavailable."""
    with db.write() as tx:
        return take(tx, lane, wishes)


def take(tx: Transaction, lane: str, wishes: Sequence[Wish]) -> list[str]:
    """Keeps the wishes and follows them; returns the ids of the messages that were withdrawn for them.

    Each counts from the moment at which it was said, whenever we hear of it: a contact is what all of its proofs say in
    their order, and of two at once the opt-out is the later one. An opt-in brings back nothing that was withdrawn.
    """
    if not wishes:
        return []
    tx.execute(insert(consent), [_proof(lane, wish, tx.now) for wish in wishes])
    people = _lock(tx, lane, {wish.recipient for wish in wishes})
    for row in _proofs(tx, lane, list(people)):
        people[row["recipient"]] = people[row["recipient"]].after(_wish(row))
    tx.execute(
        update(contact)
        .where(contact.c.lane == lane, contact.c.recipient == bindparam("person"))
        .values({name: bindparam(f"new_{name}") for name in _STATE}),
        [{"person": p} | {f"new_{name}": getattr(c, name) for name in _STATE} for p, c in people.items()],
    )
    return _withdraw(tx, lane, {person: found for person, found in people.items() if found.stopped})


def cancel(tx: Transaction, unwanted: Mapping[str, str]) -> list[str]:
    """Cancels what has not left of these, each for its reason; returns the ids of those that were."""
    by_reason: dict[str, list[str]] = {}
    for identity, why in unwanted.items():
        by_reason.setdefault(why, []).append(identity)
    return [one for why, ids in by_reason.items() for one in cancel_messages(tx, ids, OPTED_OUT, f"This person {why}.")]


def look(db: Database, recipient: str, lane: str | None = None) -> list[dict[str, Any]]:
    """What each lane, or this one, knows of a number, with the proofs, oldest first. Raises NotFound for nothing."""
    mine = select(contact).where(contact.c.recipient == recipient).order_by(contact.c.lane)
    with db.read(snapshot=True) as tx:
        found = tx.rows(mine if lane is None else mine.where(contact.c.lane == lane))
        said = [(row["lane"], _shown(row)) for row in tx.rows(_ORDERED.where(consent.c.recipient == recipient))]
    if not found:
        raise NotFound("no lane knows this number: it neither wrote nor opted out or in")
    return [
        {"lane": row["lane"], "stopped": row["stopped"]}
        | {name: _iso(row[name]) for name in ("agreed_at", "wrote_at")}
        | {"proofs": [proof for lane, proof in said if lane == row["lane"]]}
        for row in found
    ]


def proofs(db: Database, lane: str | None) -> Iterator[dict[str, Any]]:
    """Every proof with its number, oldest first, as the rows come: a hundred thousand need no memory."""
    query = _ORDERED if lane is None else _ORDERED.where(consent.c.lane == lane)
    with db.read(snapshot=True) as tx:
        for row in tx.execute(query.execution_options(yield_per=_PAGE)).mappings():
            yield {"to": row["recipient"], "lane": row["lane"], **_shown(row)}


_STATE = ("stopped", "agreed_at", "wished_at")
_ORDERED = select(consent).order_by(consent.c.at, consent.c.wish, consent.c.id)


def _proof(lane: str, wish: Wish, now: datetime) -> Row:
    return {
        "lane": lane,
        "recipient": wish.recipient,
        "at": min(wish.at, now),
        "wish": wish.wish,
        "category": wish.category,
        "how": wish.how,
        "proof": wish.proof[:500],
    }


def _lock(tx: Transaction, lane: str, people: set[str]) -> dict[str, Contact]:
    """These contacts, made if need be and held until the transaction ends, without what they want."""
    # In one order everywhere: two that know the same people would else wait for each other for ever.
    fresh = [{"lane": lane, "recipient": person} for person in sorted(people)]
    tx.execute(tx.insert_new(contact), fresh)
    mine = select(contact).where(contact.c.lane == lane, contact.c.recipient.in_(people))
    rows = tx.rows(mine.order_by(contact.c.recipient).with_for_update())
    return {row["recipient"]: Contact(wrote_at=row["wrote_at"]) for row in rows}


def _proofs(tx: Transaction, lane: str, people: Sequence[str]) -> list[Row]:
    return tx.rows(_ORDERED.where(consent.c.lane == lane, consent.c.recipient.in_(people)))


def _wish(row: Row) -> Wish:
    return Wish(**{name: row[name] for name in ("recipient", "wish", "category", "how", "proof", "at")})


def _withdraw(tx: Transaction, lane: str, stopped: Mapping[str, Contact]) -> list[str]:
    """Cancels what has not left. What a worker holds is stopped by its epoch, or by the gate when it comes back."""
    if not stopped:
        return []
    to = (message.c.lane == lane, message.c.recipient.in_(list(stopped)))
    what = select(message.c.id, message.c.recipient, message.c.category).where(*to)
    unwanted: dict[str, str] = {}
    for held in (in_state(State.WAITING), LEASED & in_state(State.QUEUED, State.CLAIMED)):
        for row in tx.rows(what.where(held)):
            if why := stopped[row["recipient"]].objection(row["category"]):
                unwanted[row["id"]] = why
    # All in one order, as everybody who changes several; whatever has left meanwhile stays as it is.
    mine = select(message.c.id).where(message.c.id.in_(list(unwanted)))
    tx.execute(mine.order_by(message.c.id).with_for_update())
    return cancel(tx, unwanted)


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    # To the microsecond: two wishes of one second must not change places on their way through a file.
    return {name: row[name] for name in ("wish", "category", "how", "proof")} | {"at": row["at"].isoformat()}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
