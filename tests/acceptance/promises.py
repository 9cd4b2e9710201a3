"""The promises, checked after a fault: the messages, the sandbox's record and the ledger must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select

from harkara import Envelope
from harkara.ledger.audit import Report, audit
from harkara.ledger.database import Database
from harkara.ledger.tables import message
from harkara.ledger.transaction import Row, Transaction
from harkara.states import State
from tests.acceptance.sandbox_client import content_digest

REACHED = frozenset({State.ACCEPTED, State.SENT, State.DELIVERED, State.READ})
"""Chat Mitra has accepted the message, by its response or its webhooks."""

LAST = REACHED | {State.FAILED, State.CANCELLED, State.UNCERTAIN}
"""States that a message leaves only by a webhook, an operator or a planned resend."""


class Result(NamedTuple):
    """One message: how often the sandbox accepted it, its state in the ledger, and its flag."""

    accepted: int
    state: str
    maybe_duplicate: bool = False


ONCE = Result(1, "accepted")
RESENT = Result(1, "accepted", maybe_duplicate=True)
"""Posted twice and accepted once, which Harkara cannot know."""
TWICE = Result(2, "accepted", maybe_duplicate=True)
UNCERTAIN_SENT = Result(1, "uncertain")
UNCERTAIN_LOST = Result(0, "uncertain")
FAILED = Result(0, "failed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of each message, the ids of the messages that break a promise, and the ledger's audit."""

    results: dict[str, Result]
    states: Counter[str]
    missing: list[str]
    """Sent by the application, and missing in the ledger."""
    falsely_accepted: list[str]
    """Accepted in the ledger, and never accepted by the sandbox."""
    falsely_unsent: list[str]
    """Accepted by the sandbox, and in a state of the ledger that denies it."""
    unflagged_duplicates: list[str]
    flagged_duplicates: list[str]
    uncertain: list[str]
    stuck: list[str]
    audit: Report

    @property
    def lost(self) -> list[str]:
        """Messages that no customer got, while no state says so."""
        return self.missing + self.falsely_accepted

    @property
    def kept(self) -> bool:
        broken = self.lost or self.falsely_unsent or self.unflagged_duplicates or self.stuck
        return not broken and self.audit.clean

    def assert_kept(self, *, uncertain: int = 0) -> None:
        """Allow up to `uncertain` messages, those between POST and record at the time of the fault."""
        assert self.audit.clean, self.audit.findings
        assert self.missing == []
        assert self.falsely_accepted == []
        assert self.falsely_unsent == []
        assert self.unflagged_duplicates == []
        assert self.stuck == []
        assert len(self.uncertain) <= uncertain


def examine(db: Database, envelopes: Sequence[Envelope], accepted: Mapping[str, int]) -> Verdict:
    """Compare envelopes of different contents with `accepted`, the sandbox's count of each content."""
    rows = _rows(db, [envelope.id for envelope in envelopes])
    maybe_reached = REACHED | {State.UNCERTAIN}
    times = {envelope.id: accepted.get(content_digest(envelope), 0) for envelope in envelopes}
    results = {i: Result(times[i], row["state"], row["maybe_duplicate"]) for i in times if (row := rows.get(i))}
    return Verdict(
        results=results,
        states=Counter(result.state for result in results.values()),
        missing=[i for i in times if i not in rows],
        falsely_accepted=[i for i, result in results.items() if result.state in REACHED and not result.accepted],
        falsely_unsent=[i for i, found in results.items() if found.accepted and found.state not in maybe_reached],
        unflagged_duplicates=[i for i, result in results.items() if result.accepted > 1 and not result.maybe_duplicate],
        flagged_duplicates=[i for i, result in results.items() if result.accepted > 1 and result.maybe_duplicate],
        uncertain=[i for i, result in results.items() if result.state == State.UNCERTAIN],
        stuck=[i for i in results if not _settled(rows[i])],
        audit=audit(db),
    )


def all_settled(db: Database, least: int) -> bool:
    """Return whether the ledger has this many messages or more, and none will change by itself."""
    with db.read() as tx:
        return _number(tx) >= least and not _number(tx, ~SETTLED)


def are_settled(db: Database, ids: Sequence[str]) -> bool:
    """Return whether the ledger has each of these messages, and none of them will change by itself."""
    with db.read() as tx:
        return _number(tx, message.c.id.in_(ids), SETTLED) == len(ids)


SETTLED = message.c.state.in_([state.value for state in LAST]) & message.c.resend_at.is_(None)


def _number(tx: Transaction, *which: ColumnElement[bool]) -> int:
    number: int = tx.execute(select(func.count()).select_from(message).where(*which)).scalar_one()
    return number


def _settled(row: Row) -> bool:
    return row["state"] in LAST and row["resend_at"] is None


def _rows(db: Database, ids: Sequence[str]) -> dict[str, Row]:
    columns = (message.c.id, message.c.state, message.c.maybe_duplicate, message.c.resend_at)
    with db.read() as tx:
        return {row["id"]: row for row in tx.rows(select(*columns).where(message.c.id.in_(ids)))}
