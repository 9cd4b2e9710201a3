"""The promises, examined after a harm: what was handed over, against what the sandbox accepted and the ledger says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import select

from harkara import Envelope
from harkara.ledger.audit import Report, audit
from harkara.ledger.database import Database, Row
from harkara.ledger.tables import message
from harkara.states import State
from tests.acceptance.stand_in import content

TOOK = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ})
"""Chat Mitra has it, by its answer or by its webhooks."""

OVER = TOOK | {State.FAILED, State.CANCELLED, State.UNCERTAIN}
"""Nothing moves from here by itself, unless a resend is planned."""


class Fate(NamedTuple):
    """What became of one message: how often the sandbox accepted it, its state here, and whether it is flagged."""

    accepted: int
    state: str
    maybe_duplicate: bool = False


ONCE = Fate(1, "accepted")
AGAIN = Fate(1, "accepted", maybe_duplicate=True)
"""Sent twice, accepted the second time only, which nobody here can know."""
TWICE = Fate(2, "accepted", maybe_duplicate=True)
PERHAPS = Fate(1, "uncertain")
PERHAPS_NOT = Fate(0, "uncertain")
REFUSED = Fate(0, "failed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Ids of the messages with which something is the matter, and the ledger's own audit."""

    fates: dict[str, Fate]
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
    """`accepted` is how often the sandbox took each content, of which no two envelopes may have the same."""
    rows = _rows(db)
    times = {envelope.id: accepted.get(content(envelope), 0) for envelope in handed_over}
    fates = {i: Fate(times[i], row["state"], row["maybe_duplicate"]) for i in times if (row := rows.get(i))}
    return Verdict(
        fates=fates,
        states=Counter(fate.state for fate in fates.values()),
        missing=[i for i in times if i not in rows],
        untrue=[i for i, fate in fates.items() if fate.state in TOOK and not fate.accepted],
        hidden=[i for i, fate in fates.items() if fate.accepted and fate.state not in TOOK | {State.UNCERTAIN}],
        twice_in_silence=[i for i, fate in fates.items() if fate.accepted > 1 and not fate.maybe_duplicate],
        twice_and_flagged=[i for i, fate in fates.items() if fate.accepted > 1 and fate.maybe_duplicate],
        uncertain=[i for i, fate in fates.items() if fate.state == State.UNCERTAIN],
        stuck=[i for i in fates if not _settled(rows[i])],
        audit=audit(db),
    )


def unsettled(db: Database) -> set[str]:
    """The messages that still move by themselves."""
    return {identity for identity, row in _rows(db).items() if not _settled(row)}


def _settled(row: Row) -> bool:
    return row["state"] in OVER and row["resend_at"] is None


def _rows(db: Database) -> dict[str, Row]:
    columns = (message.c.id, message.c.state, message.c.maybe_duplicate, message.c.resend_at)
    with db.read() as tx:
        return {row["id"]: row for row in tx.rows(select(*columns))}
