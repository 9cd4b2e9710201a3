"""People: the names that are known to be one person's, with what is known about the person equal on all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from uuid_utils import uuid7

from harkara.inbound.contact import ContactState
from harkara.ledger.contacts.queries import PROOFS, proof_of
from harkara.ledger.conversations.record import merge_conversations
from harkara.ledger.tables import consent, contact
from harkara.ledger.transaction import Row, Transaction
from harkara.people.names import group_names, is_user_id
from harkara.people.spellings import canonical, spellings

Link = Collection[str]
"""Names that are known to be one person's."""


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one lane.

    `changed` says whether the choices of one of the names have just changed, `linked` whether a person who was known
    has just got another name.
    """

    id: str
    names: tuple[str, ...] = field(repr=False)
    state: ContactState
    changed: bool = False
    linked: bool = False


def join(
    tx: Transaction, lane: str, links: Iterable[Link], *, wrote_at: datetime | None = None, chosen: bool = False
) -> list[Person]:
    """Return the people with these names, after writing all that the links show; the transaction locks them.

    All names of a link, with all their spellings, become names of one person, even if they were those of several: the
    person then has the sum of all their proofs in the order of their times, and the latest time at which one of them
    wrote. So the result is the same in whatever order links, choices and messages arrive.

    `wrote_at` is the time of a message from these people. With `chosen`, the proofs of one of them have changed.
    """
    groups = group_names([one for name in link for one in spellings(name)] for link in links)
    if not groups:
        return []
    names = set[str]().union(*groups)
    lock_people(tx, lane)
    known = _known_names(tx, lane, names)
    if not chosen and (found := _unchanged(groups, known)):
        return [_record_message(tx, lane, found, wrote_at)]
    rows = _lock_rows(tx, lane, names, {row["person"] for row in known})
    people = group_names([*groups, *_links_of(rows)])
    proofs = _states(tx, lane, [names for names in people if chosen or _is_mixed(names, rows)])
    merged = [_merge([rows[name] for name in sorted(names)], proofs, wrote_at) for names in people]
    _write(tx, lane, merged, rows)
    for person in merged:
        if others := {rows[name]["person"] for name in person.names} - {person.id, None}:
            merge_conversations(tx, lane, others, person.id)
    return merged


def lock_people(tx: Transaction, lane: str) -> None:
    """Lock the people of a lane until the transaction ends; several lanes must be locked in the order of their names.

    The rows of a person can only be locked once all names are known, and then another transaction might already hold
    one of them and need another: the lock of the lane prevents that deadlock.
    """
    tx.lock(f"contact {lane}")


def use_number(tx: Transaction, lane: str, person: Person, name: str, at: datetime) -> None:
    """Let messages to a person with several numbers go to this one, which the person has had since `at`, or later.

    An older number may be another person's by now. A user id changes nothing.
    """
    if is_user_id(name) or len({canonical(each) for each in person.names if not is_user_id(each)}) < 2:
        return
    of_number = (contact.c.lane == lane, contact.c.recipient.in_(spellings(name)))
    older = or_(contact.c.linked_at.is_(None), contact.c.linked_at < at)
    tx.execute(update(contact).where(*of_number, older).values(linked_at=at))


def names_of(tx: Transaction, lane: str, names: Collection[str]) -> dict[str, set[str]]:
    """Return, for each of these names, all names of the person; an unknown name is the person's only one."""
    given, same = contact.alias("given"), contact.alias("same")
    query = (
        select(given.c.recipient, same.c.recipient)
        .join(same, (same.c.person == given.c.person) & (same.c.lane == given.c.lane))
        .where(given.c.lane == lane, given.c.recipient.in_(names))
    )
    found = {name: {*spellings(name)} for name in names}
    for name, other in tx.execute(query):
        found[name].add(other)
    return found


def _known_names(tx: Transaction, lane: str, names: Collection[str]) -> list[Row]:
    """Return all rows of the people that have one of these names; rows without a person are not among them."""
    given, same = contact.alias("given"), contact.alias("same")
    query = (
        select(same)
        .distinct()
        .join(given, (same.c.person == given.c.person) & (same.c.lane == given.c.lane))
        .where(given.c.lane == lane, given.c.recipient.in_(names))
    )
    return tx.rows(query)


def _unchanged(groups: Sequence[Link], known: Sequence[Row]) -> list[Row]:
    """Return the rows of the one person that has all these names already, as almost always; none for other cases."""
    names = {row["recipient"] for row in known}
    same = len(groups) == 1 and names.issuperset(groups[0]) and len({_state_key(row) for row in known}) == 1
    return list(known) if same else []


def _record_message(tx: Transaction, lane: str, rows: Sequence[Row], wrote_at: datetime | None) -> Person:
    person, state = rows[0]["person"], _state(rows[0])
    if wrote_at is not None and (state.wrote_at is None or state.wrote_at < wrote_at):
        of_person = (contact.c.lane == lane, contact.c.person == person)
        tx.execute(update(contact).where(*of_person).values(wrote_at=wrote_at))
        state = _state(rows[0] | {"wrote_at": wrote_at})
    return Person(person, tuple(sorted(row["recipient"] for row in rows)), state)


def _lock_rows(tx: Transaction, lane: str, names: set[str], people: set[str]) -> dict[str, Row]:
    """Lock the rows of these names and people, and create missing ones; return them by name."""
    # Sorted, as everywhere: a worker of the release before knows no lock of the lane and could deadlock otherwise.
    tx.execute_each(
        _INSERT, {"lane": "text", "name": "text"}, [{"lane": lane, "name": n} for n in sorted(names)], now=tx.now
    )
    of_people = contact.c.recipient.in_(names) | contact.c.person.in_(people)
    query = select(contact).where(contact.c.lane == lane, of_people)
    return {row["recipient"]: row for row in tx.rows(query.order_by(contact.c.recipient).with_for_update())}


# WHERE: without it SQLite would read ON CONFLICT as the condition of a join.
_INSERT = """
INSERT INTO contact (lane, recipient, linked_at)
SELECT each.lane, each.name, :now FROM {each} WHERE true ORDER BY each.name ON CONFLICT DO NOTHING
"""


def _links_of(rows: Mapping[str, Row]) -> list[set[str]]:
    links: dict[str, set[str]] = {}
    for name, row in rows.items():
        links.setdefault(row["person"] or name, set()).add(name)
    return list(links.values())


def _is_mixed(names: Collection[str], rows: Mapping[str, Row]) -> bool:
    """Whether some of these names have made choices that the others lack."""
    return len({_choice_key(rows[name]) for name in names}) > 1


def _states(tx: Transaction, lane: str, people: Sequence[Collection[str]]) -> dict[str, ContactState]:
    """Return, by each name of these people, the sum of all proofs of the person."""
    states: dict[str, ContactState] = {}
    of_name = {name: min(names) for names in people for name in names}
    if of_name:
        for row in tx.rows(PROOFS.where(consent.c.lane == lane, consent.c.recipient.in_(list(of_name)))):
            proof = proof_of(row)
            first = of_name[proof.recipient]
            states[first] = states.get(first, ContactState()).with_choice(proof.choice())
    return {name: states.get(first, ContactState()) for name, first in of_name.items()}


def _merge(rows: Sequence[Row], proofs: Mapping[str, ContactState], wrote_at: datetime | None) -> Person:
    """Return the person whose names all these rows are."""
    ids = {row["person"] for row in rows} - {None}
    written = [at for at in (*(row["wrote_at"] for row in rows), wrote_at) if at]
    state = proofs.get(rows[0]["recipient"], _state(rows[0]))
    state = replace(state, wrote_at=max(written, default=None))
    changed = any(_choice_key(row) != (state.stopped, state.agreed_at, state.chosen_at) for row in rows)
    names = tuple(row["recipient"] for row in rows)
    linked = bool(ids) and len({row["person"] for row in rows}) > 1
    return Person(min(ids, default=None) or f"person_{uuid7().hex}", names, state, changed, linked)


def _write(tx: Transaction, lane: str, people: Sequence[Person], rows: Mapping[str, Row]) -> None:
    """Write person and state to the rows of their names, where they differ."""
    new: list[Row] = []
    for person in people:
        columns = _columns(person)
        linked = len({rows[name]["person"] for name in person.names}) > 1
        for name in person.names:
            row = rows[name]
            if any(row[column] != value for column, value in columns.items()):
                linked_at = tx.now if linked and is_user_id(name) else row["linked_at"]
                new.append({"lane": lane, "name": name, "linked_at": linked_at} | columns)
    if new:
        tx.execute_each(_UPDATE, {"lane": "text", "name": "text"} | _TYPES, new)


def _columns(person: Person) -> Row:
    state = person.state
    return {
        "person": person.id,
        "wrote_at": state.wrote_at,
        "stopped": state.stopped,
        "agreed_at": state.agreed_at,
        "wished_at": state.chosen_at,
        "settled_at": state.chosen_at,
    }


_TYPES = {"person": "text", "stopped": "text"} | dict.fromkeys(
    ("wrote_at", "agreed_at", "wished_at", "settled_at", "linked_at"), "timestamptz"
)

_UPDATE = f"""
UPDATE contact SET {", ".join(f"{column} = each.{column}" for column in _TYPES)} FROM {{each}}
WHERE contact.lane = each.lane AND contact.recipient = each.name
"""


def _state(row: Mapping[str, Any]) -> ContactState:
    return ContactState(
        wrote_at=row["wrote_at"], stopped=row["stopped"], agreed_at=row["agreed_at"], chosen_at=row["wished_at"]
    )


def _choice_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["stopped"], row["agreed_at"], row["wished_at"]


def _state_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["person"], row["wrote_at"], row["settled_at"], *_choice_key(row)
