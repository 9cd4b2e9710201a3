"""List contacts with the proofs of their consent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from harkara.errors import NotFound
from harkara.inbound.contact import ConsentAction, ConsentCategory, ConsentChoice, ConsentSource
from harkara.ledger.database import Database
from harkara.ledger.tables import consent, contact

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
    """One person in one lane: what they opted out of, when they agreed to marketing and last wrote, and every proof."""

    lane: str
    stopped: ConsentCategory | None
    agreed_at: datetime | None
    wrote_at: datetime | None
    proofs: tuple[ConsentProof, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON shows it, with times in whole seconds."""
        return {
            "lane": self.lane,
            "stopped": self.stopped,
            "agreed_at": _iso(self.agreed_at),
            "wrote_at": _iso(self.wrote_at),
            "proofs": [proof.to_dict() for proof in self.proofs],
        }


def list_contacts(db: Database, recipient: str, lane: str | None = None) -> list[ContactRecord]:
    """Return what each lane, or this one, knows about a number. Raises NotFound when no lane knows it."""
    query = select(contact).where(contact.c.recipient == recipient).order_by(contact.c.lane)
    with db.read(snapshot=True) as tx:
        rows = tx.rows(query if lane is None else query.where(contact.c.lane == lane))
        proofs = [proof_of(row) for row in tx.rows(PROOFS.where(consent.c.recipient == recipient))]
    if not rows:
        raise NotFound("no lane knows this number: it has neither written nor opted out or in")
    return [
        ContactRecord(
            lane=row["lane"],
            stopped=row["stopped"],
            agreed_at=row["agreed_at"],
            wrote_at=row["wrote_at"],
            proofs=tuple(proof for proof in proofs if proof.lane == row["lane"]),
        )
        for row in rows
    ]


def iterate_proofs(db: Database, lane: str | None) -> Iterator[ConsentProof]:
    """Yield every proof of all lanes, or of this one, oldest first. The rows are streamed, a thousand at a time."""
    query = PROOFS if lane is None else PROOFS.where(consent.c.lane == lane)
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


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
