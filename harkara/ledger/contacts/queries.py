"""List contacts with the proofs of their consent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from harkara.errors import NotFound
from harkara.inbound.contact import ConsentAction, ConsentCategory, ConsentChoice, ConsentSource
from harkara.ledger.database import Database
from harkara.ledger.tables import consent, contact
from harkara.ledger.transaction import Row
from harkara.people.names import parse_name, possible_names
from harkara.people.spellings import spellings

_PAGE = 1000
"""Rows in memory at a time."""

PROOFS = select(consent).order_by(consent.c.at, consent.c["wish"], consent.c.id)
"""In the order in which choices count: of two at the same time the opt-in, which sorts first, counts first."""


@dataclass(frozen=True, slots=True)
class ConsentProof:
    """One opt-out or opt-in as the ledger stores it. `proof` is None when the ledger has no words for it."""

    lane: str
    recipient: str = field(repr=False)
    action: ConsentAction
    category: ConsentCategory
    how: ConsentSource
    proof: str | None = field(repr=False)
    at: datetime

    def choice(self) -> ConsentChoice:
        return ConsentChoice(
            recipient=self.recipient,
            action=self.action,
            category=self.category,
            how=self.how,
            proof=self.proof or "",
            at=self.at,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as JSON shows it, without lane and number.

        The time has microseconds, so that two choices of one second keep their order through an export and an import.
        """
        words = {"wish": self.action, "category": self.category, "how": self.how, "proof": self.proof}
        return words | {"at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """One person in one lane: what they opted out of, when they agreed to marketing and last wrote, and every proof.

    `names` are the numbers and user ids that are known to be this person's. `person` is None for a few seconds, while
    only a worker of the release before has seen the person.
    """

    lane: str
    person: str | None
    names: tuple[str, ...] = field(repr=False)
    stopped: ConsentCategory | None
    agreed_at: datetime | None
    wrote_at: datetime | None
    proofs: tuple[ConsentProof, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON shows it, with times in whole seconds."""
        return {
            "lane": self.lane,
            "person": self.person,
            "names": list(self.names),
            "stopped": self.stopped,
            "agreed_at": _iso(self.agreed_at),
            "wrote_at": _iso(self.wrote_at),
            "proofs": [proof.to_dict() for proof in self.proofs],
        }


def list_contacts(db: Database, name: str, lane: str | None = None) -> list[ContactRecord]:
    """Return what each lane, or this one, knows about the person with this name, under whatever name it came.

    Raises NotFound when no lane knows the name.
    """
    in_lane = _of(lane, contact.c.lane)
    with db.read(snapshot=True) as tx:
        found = tx.rows(select(contact).where(contact.c.recipient == name, *in_lane).order_by(contact.c.lane))
        people = [row["person"] for row in found if row["person"]]
        of_people = select(contact.c.lane, contact.c.recipient).where(contact.c.person.in_(people))
        names = {row["lane"]: {row["recipient"]} for row in found}
        for its_lane, other in tx.execute(of_people) if people else ():
            names[its_lane].add(other)
        recipients = sorted({one for those in names.values() for one in those})
        proofs = [proof_of(row) for row in tx.rows(PROOFS.where(consent.c.recipient.in_(recipients), *_of(lane)))]
    if not found:
        raise NotFound("no lane knows this number: it has neither written nor opted out or in")
    return [_record(row, names[row["lane"]], proofs) for row in found]


def find_name(db: Database, text: str, lanes: Collection[str] | None = None) -> str:
    """Return the name that an operator means: what a text can mean and a lane, or one of these, knows.

    An unknown name is parsed as any number, or is a user id. Raises Invalid for the field `to`, which never quotes the
    text.
    """
    possible = possible_names(text)
    in_lanes = [] if lanes is None else [contact.c.lane.in_(lanes)]
    known = select(contact.c.recipient).where(contact.c.recipient.in_(possible), *in_lanes)
    with db.read() as tx:
        found = set(tx.execute(known).scalars()) if possible else set()
    return next((name for name in possible if name in found), None) or parse_name(text)


def all_names(db: Database, text: str, lanes: Collection[str] | None = None) -> set[str]:
    """Return all names of the person that a text means, as these lanes know them, or all lanes.

    Raises Invalid as `find_name` does.
    """
    name = find_name(db, text, lanes)
    given, same = contact.alias("given"), contact.alias("same")
    query = select(same.c.recipient).join(given, same.c.person == given.c.person).where(given.c.recipient == name)
    if lanes is not None:
        query = query.where(given.c.lane.in_(lanes))
    with db.read() as tx:
        return {*spellings(name), *tx.execute(query).scalars()}


def iterate_proofs(db: Database, lane: str | None) -> Iterator[ConsentProof]:
    """Yield every proof of all lanes, or of this one, oldest first. The rows are streamed, a thousand at a time."""
    query = PROOFS.where(*_of(lane))
    with db.read(snapshot=True) as tx:
        for row in tx.execute(query.execution_options(yield_per=_PAGE)).mappings():
            yield proof_of(row)


def proof_of(row: Mapping[Any, Any]) -> ConsentProof:
    """Build a proof from a row of `PROOFS`."""
    return ConsentProof(
        lane=row["lane"],
        recipient=row["recipient"],
        action=row["wish"],
        category=row["category"],
        how=row["how"],
        proof=row["proof"],
        at=row["at"],
    )


def _of(lane: str | None, column: Any = consent.c.lane) -> list[Any]:
    """The condition on a lane; none for None."""
    return [] if lane is None else [column == lane]


def _record(row: Row, names: set[str], proofs: Sequence[ConsentProof]) -> ContactRecord:
    return ContactRecord(
        lane=row["lane"],
        person=row["person"],
        names=tuple(sorted(names)),
        stopped=row["stopped"],
        agreed_at=row["agreed_at"],
        wrote_at=row["wrote_at"],
        proofs=tuple(proof for proof in proofs if proof.lane == row["lane"] and proof.recipient in names),
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
