"""The promises, examined after a harm: what was handed over, against what the sandbox accepted and the ledger says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from harkara import Envelope
from harkara.ledger.audit import Report, audit
from harkara.ledger.database import Database, Row
from harkara.ledger.tables import message
from harkara.states import State
from tests.acceptance.stand_in import content

OVER = frozenset({State.ACCEPTED, State.FAILED, State.CANCELLED, State.UNCERTAIN})
"""Nothing moves from here by itself, unless a resend is planned."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ids of the messages with which something is the matter, and the ledger's own audit."""

    messages: int
    states: Counter[str]
    missing: list[str]
    """Handed over, and the ledger does not know it."""
    untrue: list[str]
    """Called accepted here, and never accepted there."""
    hidden: list[str]
    """Accepted there, and called something here that says it was not."""
    twice_in_silence: list[str]
    twice_and_flagged: list[str]
    uncertain: list[str]
    stuck: list[str]
    audit: Report

    @property
    def lost(self) -> list[str]:
        """Nobody got it and nobody is told."""
        return self.missing + self.untrue

    @property
    def kept(self) -> bool:
        broken = self.lost or self.hidden or self.twice_in_silence or self.stuck
        return not broken and self.audit.clean

    def assert_kept(self, *, uncertain: int = 0) -> None:
        """`uncertain` is how many may be: those that were between POST and record when the harm was done."""
        assert self.audit.clean, self.audit.findings
        assert self.missing == []
        assert self.untrue == []
        assert self.hidden == []
        assert self.twice_in_silence == []
        assert self.stuck == []
        assert len(self.uncertain) <= uncertain


def examine(db: Database, handed_over: Sequence[Envelope], accepted: Mapping[str, int]) -> Verdict:
    """`accepted` is how often the sandbox took each content. Envelopes of one content share their count: use none twice."""
    rows = _rows(db)
    times = {envelope.id: accepted.get(content(envelope), 0) for envelope in handed_over}
    known = {identity: rows[identity] for identity in times if identity in rows}
    took = {State.ACCEPTED, State.UNCERTAIN}
    return Verdict(
        messages=len(times),
        states=Counter(row["state"] for row in known.values()),
        missing=[identity for identity in times if identity not in rows],
        untrue=[i for i, row in known.items() if row["state"] == State.ACCEPTED and not times[i]],
        hidden=[i for i, row in known.items() if times[i] and row["state"] not in took],
        twice_in_silence=[i for i, row in known.items() if times[i] > 1 and not row["maybe_duplicate"]],
        twice_and_flagged=[i for i, row in known.items() if times[i] > 1 and row["maybe_duplicate"]],
        uncertain=[i for i, row in known.items() if row["state"] == State.UNCERTAIN],
        stuck=[i for i, row in known.items() if not settled(row)],
        audit=audit(db),
    )


def settled(row: Row) -> bool:
    return row["state"] in OVER and row["resend_at"] is None


def unsettled(db: Database) -> Counter[str]:
    """How many messages still move, by state."""
    moving = select(message.c.state).where(
        message.c.state.not_in([state.value for state in OVER]) | message.c.resend_at.is_not(None)
    )
    with db.read() as tx:
        return Counter(tx.execute(moving).scalars())


def _rows(db: Database) -> dict[str, Row]:
    columns = (message.c.id, message.c.state, message.c.maybe_duplicate, message.c.resend_at)
    with db.read() as tx:
        return {row["id"]: row for row in tx.rows(select(*columns))}
